# What `cmake --install` puts where:
#   bin/                       the tools
#   lib/einsum-cascade/        the components as static libraries
#   lib/cmake/EinsumCascade/   find_package(EinsumCascade): targets, version, einsum_add_mapping_plugin
#   include/einsum-cascade/    headers, written and generated, included as here: "lib/Plugin/MappingPass.h"
#   share/einsum-cascade/      arch-specs/, mappings/ (as source, to learn from), schemas/, cascades/
#   share/doc, share/man       pages
# The components `tools` and `development` are the two Debian packages. Nothing installed names a folder of the machine
# that built it: tools find the rest from where they are.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(install_include ${CMAKE_INSTALL_INCLUDEDIR}/einsum-cascade)
set(install_library ${CMAKE_INSTALL_LIBDIR}/einsum-cascade)
set(install_config ${CMAKE_INSTALL_LIBDIR}/cmake/EinsumCascade)
set(install_share ${CMAKE_INSTALL_DATADIR}/einsum-cascade)

get_property(libraries GLOBAL PROPERTY EINSUM_LIBRARIES)
get_property(tools GLOBAL PROPERTY EINSUM_TOOLS)

# MLIR's shared library lies in LLVM's own folder, which the dynamic linker does not search.
foreach(tool ${tools})
  set_target_properties(${tool} PROPERTIES INSTALL_RPATH "${LLVM_LIBRARY_DIR}")
endforeach()
install(TARGETS ${tools} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tools)

install(TARGETS ${libraries} EXPORT EinsumCascadeTargets
  ARCHIVE DESTINATION ${install_library} COMPONENT development
  INCLUDES DESTINATION ${install_include})
install(EXPORT EinsumCascadeTargets NAMESPACE EinsumCascade:: DESTINATION ${install_config} COMPONENT development)

foreach(folder dialects lib mappings)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder} DESTINATION ${install_include} COMPONENT development
    FILES_MATCHING PATTERN "*.h" PATTERN "*.td")
endforeach()
foreach(folder dialects lib)
  install(DIRECTORY ${PROJECT_BINARY_DIR}/${folder} DESTINATION ${install_include} COMPONENT development
    FILES_MATCHING PATTERN "*.inc" PATTERN "Version.h" PATTERN "CMakeFiles" EXCLUDE)
endforeach()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/EinsumCascadeConfig.cmake.in
  ${PROJECT_BINARY_DIR}/EinsumCascadeConfig.cmake INSTALL_DESTINATION ${install_config}
  PATH_VARS install_include install_share)
# Before 1.0, a minor release may break; plugins must match exactly, and say so when they are loaded.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/EinsumCascadeConfigVersion.cmake
  VERSION ${PROJECT_VERSION} COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/EinsumCascadeConfig.cmake ${PROJECT_BINARY_DIR}/EinsumCascadeConfigVersion.cmake
  ${CMAKE_CURRENT_LIST_DIR}/EinsumCascadePlugin.cmake
  DESTINATION ${install_config} COMPONENT development)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/arch-specs DESTINATION ${install_share} COMPONENT tools
  FILES_MATCHING PATTERN "*.json" PATTERN "*.md")
install(DIRECTORY ${PROJECT_SOURCE_DIR}/mappings DESTINATION ${install_share} COMPONENT tools
  FILES_MATCHING PATTERN "*.cpp" PATTERN "*.h" PATTERN "*.md")
install(DIRECTORY ${PROJECT_SOURCE_DIR}/examples/ DESTINATION ${install_share}/examples COMPONENT tools)
install(DIRECTORY ${PROJECT_BINARY_DIR}/share/man/ DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT tools)
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/einsum-cascade COMPONENT tools)

# Dialects, passes, formats.
install(DIRECTORY ${PROJECT_BINARY_DIR}/docs DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/einsum-cascade COMPONENT tools)
install(DIRECTORY ${PROJECT_BINARY_DIR}/generated-docs/schemas DESTINATION ${install_share} COMPONENT tools)
