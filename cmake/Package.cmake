# `cpack` makes two Debian 12 packages: einsum-cascade (tools, specs, pages) and einsum-cascade-dev (libraries, headers).
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME einsum-cascade)
set(CPACK_PACKAGE_VENDOR EinsumCascade)
set(CPACK_PACKAGE_CONTACT "EinsumCascade developers <einsum-cascade@example.org>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "compiler and mapper for cascades of extended Einsums")
set(CPACK_PACKAGE_FILE_NAME einsum-cascade-${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL tools development)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME einsum-cascade)
set(CPACK_DEBIAN_TOOLS_DESCRIPTION
"Counts how often each rank of a cascade must be traversed, derives cascades
that need fewer traversals, and maps them onto an architecture with latency,
energy, traffic and the gap to a proved bound.")
# The shared libraries that the tools need, by the packages that have them. LLVM's own, which is a link of another package
# in the folder of MLIR's, is named by hand.
set(CPACK_DEBIAN_TOOLS_PACKAGE_DEPENDS libllvm${LLVM_VERSION_MAJOR})
set(CPACK_DEBIAN_TOOLS_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${LLVM_LIBRARY_DIR})

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME einsum-cascade-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION
"Libraries and headers, for mapping passes of your own and for programs that
use the compiler as a library: find_package(EinsumCascade).")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
  "einsum-cascade (= ${PROJECT_VERSION}), libmlir-19-dev, mlir-19-tools, llvm-19-dev, libspdlog-dev, libyaml-cpp-dev, libz3-dev")
include(CPack)
