# Pages that are made and not written, as part of every build:
#   share/man/man1/einsum-*.1   from the tools, which print them themselves (--help-man)
# `cmake --install` puts them where they belong.

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
