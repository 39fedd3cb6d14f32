#pragma once

/*
 * Included before everything else, by CMakeLists.txt, on Linux. The addon is also loaded by Python, for instances in
 * processes of their own, where there is no Node and none of this is called: as weak symbols they are NULL there, and
 * not an error of loading. All that a file calls has to be here, also what is only left in without LTO; a test looks.
 */
#pragma weak napi_add_async_cleanup_hook
#pragma weak napi_add_finalizer
#pragma weak napi_async_destroy
#pragma weak napi_async_init
#pragma weak napi_call_function
#pragma weak napi_close_callback_scope
#pragma weak napi_close_escapable_handle_scope
#pragma weak napi_close_handle_scope
#pragma weak napi_coerce_to_bool
#pragma weak napi_coerce_to_string
#pragma weak napi_create_array_with_length
#pragma weak napi_create_arraybuffer
#pragma weak napi_create_double
#pragma weak napi_create_error
#pragma weak napi_create_external
#pragma weak napi_create_function
#pragma weak napi_create_object
#pragma weak napi_create_reference
#pragma weak napi_create_string_utf8
#pragma weak napi_create_type_error
#pragma weak napi_create_typedarray
#pragma weak napi_define_properties
#pragma weak napi_delete_reference
#pragma weak napi_escape_handle
#pragma weak napi_fatal_error
#pragma weak napi_fatal_exception
#pragma weak napi_get_and_clear_last_exception
#pragma weak napi_get_array_length
#pragma weak napi_get_arraybuffer_info
#pragma weak napi_get_boolean
#pragma weak napi_get_cb_info
#pragma weak napi_get_element
#pragma weak napi_get_global
#pragma weak napi_get_instance_data
#pragma weak napi_get_last_error_info
#pragma weak napi_get_named_property
#pragma weak napi_get_null
#pragma weak napi_get_property
#pragma weak napi_get_reference_value
#pragma weak napi_get_typedarray_info
#pragma weak napi_get_undefined
#pragma weak napi_get_uv_event_loop
#pragma weak napi_get_value_bool
#pragma weak napi_get_value_external
#pragma weak napi_get_value_string_utf8
#pragma weak napi_get_value_uint32
#pragma weak napi_has_property
#pragma weak napi_is_array
#pragma weak napi_is_detached_arraybuffer
#pragma weak napi_is_exception_pending
#pragma weak napi_is_typedarray
#pragma weak napi_make_callback
#pragma weak napi_open_escapable_handle_scope
#pragma weak napi_open_handle_scope
#pragma weak napi_remove_async_cleanup_hook
#pragma weak napi_set_element
#pragma weak napi_set_instance_data
#pragma weak napi_set_named_property
#pragma weak napi_throw
#pragma weak napi_throw_error
#pragma weak napi_typeof
