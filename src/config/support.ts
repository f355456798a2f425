// What becomes of each of LiteLLM's options: one table, so that supporting another one is one line. Leaves their kinds to sections/.

/** kept: validated and kept, not acted upon yet · ignored: known, not read at all. All others do what they say. */
type Support = "kept" | "ignored";

/** Sections of LiteLLM's file whose options the table knows. `root` is the file itself. */
export type Section =
	| "root"
	| "litellm_params"
	| "model_info"
	| "router_settings"
	| "litellm_settings"
	| "general_settings";

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Entries of `model_info`, which accepts any, that mean something in LiteLLM that does not happen here. */
const KEPT = words(`
	access_windows allow_fail_open blocked enable_tag_filtering team_id team_public_model_name`);

/** LiteLLM's options that sections/ does not hold, by section. An issue that implements one moves it there. */
const IGNORED: Readonly<Record<Section, readonly string[]>> = {
	root: words(`
		agent_list assistant_settings callback_settings default_team_settings files_settings finetune_settings guardrails
		litellm_license mcp_aliases mcp_servers mcp_tools pass_through_endpoints policies policy_attachments prompts search_tools
		fetch_tools vector_store_registry worker_registry`),
	litellm_params: words(`
		adaptive_router_config adaptive_router_default_model allow_client_keepalive_override
		allowed_openai_params api_type auto_router_config auto_router_config_path auto_router_default_model
		auto_router_embedding_model auto_router_max_input_chars aws_batch_role_arn aws_bedrock_project_id aws_session_tags
		aws_sigv4_service azure_password azure_username base_model bedrock_invocation_type bedrock_tags
		bucket_name budget_duration complexity_router_config complexity_router_default_model
		configurable_clientside_auth_params custom_tokenizer deployment_id default_api_key_rpm_limit
		default_api_key_tpm_limit drop_params extra_body fallbacks force_timeout frequency_penalty gcs_bucket_name
		guardrails guardrailConfig headers hf_model_name input_cost_per_audio_token input_cost_per_character
		input_cost_per_image input_cost_per_second input_cost_per_token input_cost_per_token_above_128k_tokens
		input_cost_per_token_above_200k_tokens cache_creation_input_token_cost cache_creation_input_token_cost_above_1hr
		cache_read_input_token_cost keepalive_seconds litellm_system_prompt litellm_trace_id logit_bias logprobs max_budget
		max_completion_tokens max_file_size_mb max_tokens merge_reasoning_content_in_choices metadata mock_response
		mock_timeout mock_tool_calls model_info modify_params n output_cost_per_audio_token output_cost_per_character
		output_cost_per_second output_cost_per_token output_cost_per_token_above_128k_tokens
		output_cost_per_token_above_200k_tokens parallel_tool_calls presence_penalty prompt_id prompt_variables
		provider_affinity_header quality_router_config quality_router_default_model reasoning_effort response_format roles
		s3_access_key_id s3_bucket_name s3_bucket_owner s3_encryption_key_id s3_endpoint_url s3_output_bucket_name
		s3_region_name s3_secret_access_key seed service_tier ssl_certificate ssl_verify stop stream stream_options
		supports_system_message tag_regex temperature thinking tool_choice tools top_k top_logprobs top_p
		use_chat_completions_api use_in_pass_through use_litellm_proxy user vector_store_id vertex_ai_credentials
		vertex_ai_location vertex_ai_project watsonx_region_name web_search_options`),
	model_info: [],
	router_settings: words(`
		alerting_config allow_client_keepalive_override assistants_config cache_kwargs cache_responses caching_groups
		client_ttl debug_level default_litellm_params default_priority deployment_affinity_ttl_seconds
		enable_health_check_routing enable_pre_call_check enable_weighted_failover fetch_tools guardrail_list
		health_check_ignore_transient_errors health_check_staleness_threshold ignore_invalid_deployments keepalive_seconds
		max_retries model_group_affinity_config model_names polling_interval provider_budget_config
		router_general_settings routing_groups routing_strategy_args
		search_tools stream_idle_timeout tag_routing_prefix ttft_timeout weights`),
	litellm_settings: words(`
		add_function_to_prompt add_user_information_to_llm_headers audit_log_callbacks
		aws_sqs_callback_params azure_sentinel_callback_params budget_reset_time cache cache_params callback_settings
		cost_discount_config cost_margin_config credential_list custom_provider_map custom_prometheus_metadata_labels
		custom_prometheus_tags datadog_llm_observability_params datadog_params default_in_memory_ttl
		default_internal_user_params default_max_internal_user_budget default_redis_ttl
		default_team_params default_team_settings disable_add_transform_inline_image_block
		disable_add_user_agent_to_request_tags disable_aiohttp_transport disable_anthropic_gemini_context_caching_transform
		disable_copilot_system_to_assistant disable_end_user_cost_tracking disable_end_user_cost_tracking_prometheus_only
		disable_hf_tokenizer_download disable_stop_sequence_limit disable_streaming_logging disable_token_counter
		drop_params enable_azure_ad_token_refresh
		enable_caching_on_provider_specific_optional_params enable_end_user_cost_tracking_prometheus_only
		enable_json_schema_validation enable_key_alias_format_validation enable_loadbalancing_on_batch_endpoints
		enable_preview_features enable_redis_auth_cache extra_spend_tag_headers failure_callback force_ipv4
		forward_client_headers_to_llm_api forward_traceparent_to_llm_provider gcs_pub_sub_use_v1 guardrails http2
		include_cost_in_streaming_usage internal_user_budget_duration key_alias_pattern key_generation_settings
		langfuse_default_tags LITELLM_DISABLE_STOP_SEQUENCE_LIMIT max_budget budget_duration max_end_user_budget
		max_internal_user_budget max_ui_session_budget max_user_budget mcp_aliases model_group_settings modify_params
		openid_discovery_document overwrite_user_with_key_hash post_call_rules pre_call_rules priority_reservation
		priority_reservation_settings prometheus_initialize_budget_metrics prometheus_metrics_config public_model_groups
		public_model_groups_links redact_messages_in_exceptions redact_user_api_key_info request_correlation_in_logs
		require_auth_for_metrics_endpoint require_managed_files retry return_response_headers
		route_all_chat_openai_to_responses s3_callback_params service_callback service_callbacks
		skip_system_message_in_guardrail skip_tool_message_in_guardrail ssl_certificate ssl_verify store_audit_logs
		success_callback suppress_debug_info tag_budget_config telemetry turn_off_message_logging ui_theme_config
		use_aiohttp_transport use_chat_completions_url_for_anthropic_messages
		user_url_allowed_hosts user_url_validation vector_store_registry`),
	general_settings: words(`
		admin_only_routes admission_queue_timeout_seconds alert_to_webhook_url alert_type_config alert_types alerting
		alerting_args alerting_threshold allow_cli_sso_verification_uri_complete allow_client_side_credentials
		allow_requests_on_db_unavailable allow_unmanaged_response_ids allow_user_auth allowed_file_extensions allowed_ips
		allowed_routes always_include_stream_usage auto_redirect_ui_login_to_sso background_health_check_model_groups
		background_health_checks blocked_file_extensions cancel_on_disconnect completion_model control_plane_url custom_auth
		custom_auth_run_common_checks custom_key_generate custom_key_policy custom_key_update custom_sso
		custom_ui_sso_sign_in_handler dangerously_permit_weak_or_unset_master_key database_args
		database_connect_timeout database_connection_pool_limit database_connection_pool_timeout database_connection_timeout
		database_disable_prepared_statements database_extra_connection_params database_lock_timeout
		database_socket_timeout database_statement_timeout database_type default_team_disabled
		disable_adding_master_key_hash_to_db disable_auto_add_proxy_admin_to_teams disable_batch_input_file_rate_limiting
		disable_budget_reservation disable_env_credential_login disable_error_logs disable_master_key_return
		disable_prisma_schema_update disable_reset_budget disable_responses_id_security
		disable_retry_on_max_parallel_request_limit_error disable_spend_updates drain_endpoint_token
		embedding_model enable_drain_endpoint enable_health_check_routing enable_jwt_auth enable_mcp_registry
		enable_oauth2_auth enable_oauth2_proxy_auth enforce_fallback_budget enforce_fallback_model_access enforce_rbac
		enforce_user_param enforced_params fail_closed_budget_enforcement failed_login_block_seconds
		failed_login_window_seconds forward_openai_org_id
		global_max_parallel_requests health_check_concurrency health_check_details health_check_ignore_transient_errors
		health_check_interval health_check_skip_disabled_background_models health_check_staleness_threshold
		image_generation_model include_call_id_in_error_body infer_model_from_keys key_management_settings
		key_management_system legacy_unscoped_spend_list_endpoints litellm_jwtauth litellm_license
		max_batch_file_size_mb max_failed_login_attempts_per_source max_failed_login_attempts_per_source_overrides
		max_file_size_mb max_in_flight_requests_per_worker max_parallel_requests max_queued_requests_per_worker
		max_response_size_mb maximum_spend_logs_cleanup_batch_size maximum_spend_logs_cleanup_batch_timeout
		maximum_spend_logs_cleanup_cron maximum_spend_logs_cleanup_max_batches maximum_spend_logs_cleanup_run_budget
		maximum_spend_logs_retention_interval mcp_client_side_auth_header_name
		mcp_internal_ip_ranges mcp_required_fields mcp_trusted_proxy_ranges missing_session_id moderation_model
		oauth2_config_mappings pass_through_endpoints pass_through_request_timeout proxy_batch_polling_interval
		proxy_batch_write_at proxy_budget_rescheduler_max_time proxy_budget_rescheduler_min_time
		proxy_config_reload_interval_seconds public_routes reject_clientside_metadata_tags
		require_end_user_mcp_access_defined require_key_mcp_access_defined role_permissions scheduled_job_stagger
		scope_spend_list_endpoints_to_caller search_tools service_account_settings
		skip_batch_input_file_rate_limiting_for_models skip_batch_input_file_rate_limiting_for_providers
		spend_capture_rate_check spend_report_frequency sse_keepalive_ping_interval_seconds store_model_in_db
		supported_db_objects trusted_proxy_ranges ui_access_mode
		ui_username ui_password use_azure_key_vault use_client_credentials_pass_through_routes use_google_kms
		use_redis_transaction_buffer use_shared_health_check use_x_forwarded_for user_api_key_cache_max_size
		user_api_key_cache_ttl user_header_mappings user_header_name user_mcp_management_mode`),
};

/** Options that keep somebody out in LiteLLM: ignoring one opens what it closed, which its warning must say. */
const RESTRICTIONS = new Set(
	words(`
		access_windows admin_only_routes allowed_ips allowed_routes blocked custom_auth enable_jwt_auth enable_oauth2_auth
		enable_oauth2_proxy_auth enforce_rbac enforced_params enforce_user_param guardrails litellm_jwtauth max_budget
		role_permissions team_id`),
);

/** The pre-call checks LiteLLM knows. `prompt_caching` is ours; the others are not supported yet. */
export const PRE_CALL_CHECKS: readonly string[] = [
	"prompt_caching",
	"deployment_affinity",
	"encrypted_content_affinity",
	"enforce_model_rate_limits",
	"forward_client_headers_by_model_group",
	"responses_api_deployment_check",
	"router_budget_limiting",
	"session_affinity",
];

/** The table: section → option → what becomes of it. Options that are not in it are acted upon. */
export const SUPPORT: ReadonlyMap<Section, ReadonlyMap<string, Support>> = new Map(
	(Object.keys(IGNORED) as Section[]).map((section) => [
		section,
		new Map(
			section === "model_info" ? KEPT.map((name) => [name, "kept"]) : IGNORED[section].map((name) => [name, "ignored"]),
		),
	]),
);

/** What to add to the warning about an option that is not acted upon; may be empty. */
export function supportHint(option: string): string {
	return RESTRICTIONS.has(option) ? "What it restricts in LiteLLM is NOT restricted here." : "";
}
