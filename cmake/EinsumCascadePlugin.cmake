# einsum_add_mapping_plugin(<name> a.cpp ...)
#   A shared library <name>.so of mapping passes. It links nothing: what it uses of EinsumCascade and MLIR are symbols of
#   the tool that loads it, so that both sides mean the same dialects and the same registry.
function(einsum_add_mapping_plugin name)
  add_library(${name} MODULE ${ARGN})
  set_target_properties(${name} PROPERTIES PREFIX "")
  target_link_libraries(${name} PRIVATE EinsumCascade::headers)
endfunction()
