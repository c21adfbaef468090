# The wire contract (proto/) as a compiled descriptor set inside the executable: reflection serves it.
# Comments come along, so that clients can show them. No code is generated for messages.
find_program(PROTOC protoc REQUIRED)

function(penstock_embed_protos library)
  set(folder ${CMAKE_SOURCE_DIR}/proto)
  set(roots connector_sdk.proto grpc/health/v1/health.proto grpc/reflection/v1/reflection.proto
      grpc/reflection/v1alpha/reflection.proto)
  file(GLOB_RECURSE protos CONFIGURE_DEPENDS ${folder}/*.proto)
  set(set ${CMAKE_BINARY_DIR}/generated/descriptor_set.pb)
  set(source ${CMAKE_BINARY_DIR}/generated/descriptor_set.c)
  add_custom_command(
    OUTPUT ${source} BYPRODUCTS ${set}
    COMMAND ${PROTOC} --proto_path=${folder} --include_imports --include_source_info
            --descriptor_set_out=${set} ${roots}
    COMMAND ${CMAKE_COMMAND} -DINPUT=${set} -DOUTPUT=${source} -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${protos} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    COMMENT "Embedding proto/"
    VERBATIM)
  target_sources(${library} PRIVATE ${source})
endfunction()
