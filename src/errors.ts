// The gateway's own errors: one table of code, status, type per dialect, message and hint. Errors of the upstream pass through elsewhere.

/** `anthropic` is `error.type` of the Messages API, `openai` is `error.type` of Chat Completions. */
interface ErrorSpec {
	readonly status: number;
	readonly anthropic: string;
	readonly openai: string;
	readonly message: string;
	/** What the caller can do next; appended to the message. */
	readonly hint: string;
}

/** Every error the gateway itself can answer with. `{name}` in a text is filled from the error's `details`. */
export const ERRORS = {
	missing_credentials: {
		status: 401,
		anthropic: "authentication_error",
		openai: "authentication_error",
		message: "No API key was sent.",
		hint: "Send the gateway's key as 'Authorization: Bearer KEY' or 'x-api-key: KEY' (Claude Code: set ANTHROPIC_AUTH_TOKEN).",
	},
	signed_credentials: {
		status: 401,
		anthropic: "authentication_error",
		openai: "authentication_error",
		message: "The request is signed with AWS credentials, which only AWS can check.",
		hint: "Set AWS_BEARER_TOKEN_BEDROCK to the gateway's key, or send it as 'x-api-key: KEY' (Claude Code: ANTHROPIC_CUSTOM_HEADERS).",
	},
	invalid_credentials: {
		status: 401,
		anthropic: "authentication_error",
		openai: "authentication_error",
		message: "The API key is not known to this gateway.",
		hint: "Use the gateway's own key (a virtual key or general_settings.master_key), not a provider's key.",
	},
	key_blocked: {
		status: 401,
		anthropic: "authentication_error",
		openai: "authentication_error",
		message: "The {kind} '{name}' is blocked.",
		hint: "Ask the gateway's operator to unblock it.",
	},
	key_expired: {
		status: 401,
		anthropic: "authentication_error",
		openai: "authentication_error",
		message: "The API key '{name}' expired at {at}.",
		hint: "Ask the gateway's operator for a new one.",
	},
	key_type_refused: {
		status: 403,
		anthropic: "permission_error",
		openai: "permission_error",
		message: "The API key '{name}' is of type '{type}' and may not be used for this.",
		hint: "Use a key of another key_type.",
	},
	model_not_allowed: {
		status: 403,
		anthropic: "permission_error",
		openai: "permission_error",
		message: "model: the {kind} '{name}' may not use '{model}'.",
		hint: "It may use: {allowed}.",
	},
	domain_not_allowed: {
		status: 403,
		anthropic: "permission_error",
		openai: "permission_error",
		message: "model: no deployment of '{model}' is in a cache domain that this key is confined to.",
		hint: "The operator can change the key's allowed_domains, or name the deployments' model_info.cache_domain.",
	},
	limit_reached: {
		status: 429,
		anthropic: "rate_limit_error",
		openai: "rate_limit_error",
		message: "The {kind} '{name}' has reached its limit of {limit}.",
		hint: "Retry after {seconds} s.",
	},
	budget_exceeded: {
		status: 429,
		anthropic: "rate_limit_error",
		openai: "insufficient_quota",
		message: "Budget of the {kind} '{name}' has been exceeded: spent {spent} of {max}{window}.",
		hint: "{next}",
	},
	budget_reserved: {
		status: 429,
		anthropic: "rate_limit_error",
		openai: "rate_limit_error",
		message: "What is left of the budget of the {kind} '{name}' is reserved by its requests in flight.",
		hint: "Retry after {seconds} s.",
	},
	unpriced_model: {
		status: 403,
		anthropic: "permission_error",
		openai: "permission_error",
		message: "model: the {kind} '{name}' has a budget, and the price of '{model}' is not known.",
		hint: "The operator can set model_info.input_cost_per_token and output_cost_per_token, or warmpath.key_settings.unpriced_models to allow.",
	},
	credential_unusable: {
		status: 400,
		anthropic: "invalid_request_error",
		openai: "invalid_request_error",
		message: "model: no deployment of '{model}' takes a credential of yours: only those of the Anthropic API do.",
		hint: "Send the request without a provider's key, or name another model.",
	},
	forbidden: {
		status: 403,
		anthropic: "permission_error",
		openai: "permission_error",
		message: "This needs the role '{role}'.",
		hint: "Use the master key, or a key whose user has that role.",
	},
	cross_site: {
		status: 403,
		anthropic: "permission_error",
		openai: "permission_error",
		message: "The request does not come from the gateway's own page ({reason}).",
		hint: "Call the API with a key in the authorization header, or from the gateway's own address.",
	},
	too_many_logins: {
		status: 429,
		anthropic: "rate_limit_error",
		openai: "rate_limit_error",
		message: "Too many failed attempts to log in.",
		hint: "Retry after {seconds} s.",
	},
	record_not_found: {
		status: 404,
		anthropic: "not_found_error",
		openai: "invalid_request_error",
		message: "There is no {kind} '{id}'.",
		hint: "",
	},
	record_exists: {
		status: 409,
		anthropic: "invalid_request_error",
		openai: "invalid_request_error",
		message: "There already is a {kind} '{id}'.",
		hint: "Choose another name, or update it.",
	},
	record_fixed: {
		status: 409,
		anthropic: "invalid_request_error",
		openai: "invalid_request_error",
		message: "The key '{id}' is from the configuration file and cannot be changed here.",
		hint: "Change it in warmpath.keys and reload.",
	},
	database_required: {
		status: 503,
		anthropic: "api_error",
		openai: "api_error",
		message: "This needs a database, and the gateway runs without one.",
		hint: "Remove the option that turns it off, or set general_settings.database_url; keys can also be given in the configuration file (warmpath.keys).",
	},
	database_unavailable: {
		status: 503,
		anthropic: "api_error",
		openai: "api_error",
		message: "The gateway's database does not answer; nothing was changed.",
		hint: "Retry shortly. Requests with keys known before go on.",
	},
	no_key_set: {
		status: 403,
		anthropic: "permission_error",
		openai: "permission_error",
		message: "This gateway has no master key, so it serves only requests that come over loopback.",
		hint: 'Set general_settings.master_key, or check callers yourself and create the handler with {keyless: "anyone"}.',
	},
	body_already_read: {
		status: 500,
		anthropic: "api_error",
		openai: "api_error",
		message: "The request's body was read before it came to the gateway.",
		hint: "Mount the gateway's handler before body parsers such as express.json().",
	},
	not_found: {
		status: 404,
		anthropic: "not_found_error",
		openai: "invalid_request_error",
		message: "{method} {path} is not served here.",
		hint: "Point ANTHROPIC_BASE_URL at the gateway's root, ANTHROPIC_BEDROCK_BASE_URL at its /bedrock, ANTHROPIC_VERTEX_BASE_URL at its /vertex/v1; an OpenAI client's base_url at its /v1. People: /ui, and /openapi.json for the control plane.",
	},
	ui_not_built: {
		status: 404,
		anthropic: "not_found_error",
		openai: "invalid_request_error",
		message: "The admin UI is not built.",
		hint: "Run 'npm run build' in the checkout, or use the published package.",
	},
	method_not_allowed: {
		status: 405,
		anthropic: "invalid_request_error",
		openai: "invalid_request_error",
		message: "{path} does not answer {method}.",
		hint: "Use {allow}.",
	},
	malformed_request: {
		status: 400,
		anthropic: "invalid_request_error",
		openai: "invalid_request_error",
		message: "The request is not valid HTTP: {reason}.",
		hint: "",
	},
	request_timeout: {
		status: 408,
		anthropic: "timeout_error",
		openai: "invalid_request_error",
		message: "The request did not come whole in time.",
		hint: "Send it again.",
	},
	unsupported_expectation: {
		status: 417,
		anthropic: "invalid_request_error",
		openai: "invalid_request_error",
		message: "expect: '{expectation}' cannot be met.",
		hint: "Only 100-continue can.",
	},
	headers_too_large: {
		status: 431,
		anthropic: "invalid_request_error",
		openai: "invalid_request_error",
		message: "The request's headers are larger than 64 KB.",
		hint: "Send fewer or shorter ones.",
	},
	invalid_json: {
		status: 400,
		anthropic: "invalid_request_error",
		openai: "invalid_request_error",
		message: "The request body is not valid JSON: {reason} at byte {offset}.",
		hint: "Send one JSON object in UTF-8.",
	},
	invalid_field: {
		status: 400,
		anthropic: "invalid_request_error",
		openai: "invalid_request_error",
		message: "{field}: {reason}",
		hint: "",
	},
	body_too_deep: {
		status: 400,
		anthropic: "invalid_request_error",
		openai: "invalid_request_error",
		message: "The request body is nested deeper than {limit} levels.",
		hint: "Flatten the body, or raise warmpath.limits.max_json_depth.",
	},
	body_too_large: {
		status: 413,
		anthropic: "request_too_large",
		openai: "invalid_request_error",
		message: "The request body is larger than {limit} bytes.",
		hint: "Shorten the conversation (Claude Code: /compact), or raise warmpath.limits.max_body_bytes.",
	},
	unknown_model: {
		status: 404,
		anthropic: "not_found_error",
		openai: "invalid_request_error",
		message: "model: no model group named '{model}' is configured.",
		hint: "{suggestion}",
	},
	unsupported_encoding: {
		status: 415,
		anthropic: "invalid_request_error",
		openai: "invalid_request_error",
		message: "The request body's content-encoding '{encoding}' is not understood.",
		hint: "Send it plain, or as one of: {understood}.",
	},
	undecodable_body: {
		status: 400,
		anthropic: "invalid_request_error",
		openai: "invalid_request_error",
		message: "The request body is not {encoding}, as its content-encoding says ({reason}).",
		hint: "Send it whole and packed as it says, or plain and without content-encoding.",
	},
	unsupported_operation: {
		status: 404,
		anthropic: "not_found_error",
		openai: "invalid_request_error",
		message: "No deployment of '{model}' serves this operation.",
		hint: "Embeddings and OpenAI's other operations need an openai/ deployment; Claude is served under /v1/messages, /v1/chat/completions and /v1/responses.",
	},
	unsupported_feature: {
		status: 501,
		anthropic: "invalid_request_error",
		openai: "invalid_request_error",
		message: "{feature} is not served by this gateway.",
		hint: "{hint}",
	},
	rate_limited: {
		status: 429,
		anthropic: "rate_limit_error",
		openai: "rate_limit_error",
		message: "Every deployment of '{model}' is rate-limited at the moment.",
		hint: "Retry after {seconds} s.",
	},
	unavailable: {
		status: 503,
		anthropic: "api_error",
		openai: "api_error",
		message: "No deployment of '{model}' could serve this request ({attempts}).",
		hint: "Retry shortly.",
	},
	overloaded: {
		status: 529,
		anthropic: "overloaded_error",
		openai: "api_error",
		message: "Every deployment of '{model}' is overloaded at the moment ({attempts}).",
		hint: "Retry shortly.",
	},
	upstream_rejected_credentials: {
		status: 502,
		anthropic: "api_error",
		openai: "api_error",
		message: "Every deployment of '{model}' refused the gateway's own credentials ({attempts}).",
		hint: "The operator must check these deployments' credentials.",
	},
	upstream_account_unusable: {
		status: 502,
		anthropic: "api_error",
		openai: "api_error",
		message: "Every deployment of '{model}' is refused by its own provider ({attempts}).",
		hint: "The operator must look after these accounts.",
	},
	upstream_timeout: {
		status: 504,
		anthropic: "timeout_error",
		openai: "api_error",
		message: "No deployment of '{model}' answered in time ({attempts}).",
		hint: "Retry shortly.",
	},
	upstream_broke: {
		status: 502,
		anthropic: "api_error",
		openai: "api_error",
		message: "The upstream connection broke before the answer was complete.",
		hint: "Retry the request.",
	},
	answer_too_large: {
		status: 502,
		anthropic: "api_error",
		openai: "api_error",
		message: "The upstream's answer is larger than {limit} bytes, which is the most that is translated in one piece.",
		hint: "Ask for less at once, or stream the answer.",
	},
	shutting_down: {
		status: 503,
		anthropic: "overloaded_error",
		openai: "api_error",
		message: "The gateway is shutting down.",
		hint: "Retry shortly.",
	},
	internal: {
		status: 500,
		anthropic: "api_error",
		openai: "api_error",
		message: "The gateway failed on this request.",
		hint: "Report it with the request id; the gateway's log has the cause.",
	},
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof ERRORS;

/** An error the gateway answers with. `status`, `message` and types come from the table; `details` fills the texts' places. */
export class GatewayError extends Error {
	readonly code: ErrorCode;
	readonly status: number;
	/** Extra response headers (lower-case names), such as `retry-after`. */
	readonly headers: Readonly<Record<string, string>>;

	constructor(
		code: ErrorCode,
		details: Readonly<Record<string, string | number>> = {},
		options: { readonly headers?: Readonly<Record<string, string>>; readonly cause?: unknown } = {},
	) {
		const spec: ErrorSpec = ERRORS[code];
		const text = spec.hint === "" ? spec.message : `${spec.message} ${spec.hint}`;
		super(
			text.replace(/\{(\w+)\}/g, (whole, name: string) => String(details[name] ?? whole)).trim(),
			options.cause === undefined ? undefined : { cause: options.cause },
		);
		this.name = "GatewayError";
		this.code = code;
		this.status = spec.status;
		this.headers = options.headers ?? {};
	}

	/** `error.type` in the Messages API. */
	get anthropicType(): string {
		return ERRORS[this.code].anthropic;
	}
}
