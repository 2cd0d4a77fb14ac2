# Pages that are made and not written, as part of every build:
#   share/man/man1/einsum-*.1   from the tools, which print them themselves (--help-man)
#   docs/                       dialects and passes from TableGen, file formats from JSON schemas, components' README.md
# `cmake --install` puts them where they belong.

find_package(Python3 REQUIRED COMPONENTS Interpreter)

get_property(tools GLOBAL PROPERTY EINSUM_TOOLS)
set(man_folder ${PROJECT_BINARY_DIR}/share/man/man1)
file(MAKE_DIRECTORY ${man_folder})
set(man_pages "")
foreach(tool ${tools})
  add_custom_command(OUTPUT ${man_folder}/${tool}.1 DEPENDS ${tool}
    COMMAND ${tool} --help-man > ${man_folder}/${tool}.1 VERBATIM)
  list(APPEND man_pages ${man_folder}/${tool}.1)
endforeach()
add_custom_target(einsum-man ALL DEPENDS ${man_pages})

# What mlir-tblgen says of passes.
set(passes_folder ${PROJECT_BINARY_DIR}/generated-docs)
file(MAKE_DIRECTORY ${passes_folder})
set(pages "")
set(page_files "")
file(GLOB components CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/lib ${PROJECT_SOURCE_DIR}/lib/*/Passes.td
  ${PROJECT_SOURCE_DIR}/lib/*/*/Passes.td)
foreach(component ${components})
  cmake_path(GET component PARENT_PATH component)
  string(REPLACE "/" "-" page ${component})
  set(page ${passes_folder}/${page}.md)
  file(GLOB_RECURSE descriptions CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/lib/${component}/*.td)
  add_custom_command(OUTPUT ${page} DEPENDS ${descriptions}
    COMMAND ${MLIR_TABLEGEN_EXE} -gen-pass-doc -I${PROJECT_SOURCE_DIR} -I${MLIR_INCLUDE_DIRS}
            ${PROJECT_SOURCE_DIR}/lib/${component}/Passes.td -o ${page} VERBATIM)
  list(APPEND pages passes:${page})
  list(APPEND page_files ${page})
endforeach()
foreach(dialect Einsum Schedule)
  list(APPEND pages dialects:${PROJECT_BINARY_DIR}/dialects/${dialect}/${dialect}Dialect.md)
  list(APPEND page_files ${PROJECT_BINARY_DIR}/dialects/${dialect}/${dialect}Dialect.md)
endforeach()

# JSON schemas under the names by which they are installed.
file(MAKE_DIRECTORY ${passes_folder}/schemas)
file(GLOB_RECURSE schemas CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/lib/*.schema.json)
list(APPEND schemas ${PROJECT_SOURCE_DIR}/arch-specs/schema.json ${PROJECT_SOURCE_DIR}/arch-specs/energy/schema.json)
foreach(schema ${schemas})
  cmake_path(GET schema FILENAME name)
  if(schema STREQUAL "${PROJECT_SOURCE_DIR}/arch-specs/schema.json")
    set(name arch.schema.json)
  elseif(schema STREQUAL "${PROJECT_SOURCE_DIR}/arch-specs/energy/schema.json")
    set(name energy-profile.schema.json)
  endif()
  configure_file(${schema} ${passes_folder}/schemas/${name} COPYONLY)
  list(APPEND pages formats:${passes_folder}/schemas/${name})
  list(APPEND page_files ${passes_folder}/schemas/${name})
endforeach()

file(GLOB_RECURSE written CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/dialects/*.md ${PROJECT_SOURCE_DIR}/lib/*.md
  ${PROJECT_SOURCE_DIR}/mappings/*.md ${PROJECT_SOURCE_DIR}/tools/*.md ${PROJECT_SOURCE_DIR}/arch-specs/README.md)
foreach(page ${written})
  list(APPEND pages pages:${page})
  list(APPEND page_files ${page})
endforeach()

add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/docs/README.md
  DEPENDS ${page_files} ${CMAKE_CURRENT_LIST_DIR}/make_docs.py
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${PROJECT_BINARY_DIR}/docs
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/make_docs.py ${PROJECT_BINARY_DIR}/docs ${PROJECT_SOURCE_DIR} ${pages}
  VERBATIM)
add_custom_target(einsum-docs ALL DEPENDS ${PROJECT_BINARY_DIR}/docs/README.md)
add_dependencies(einsum-docs einsum-doc)
