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
	invalid_credentials: {
		status: 401,
		anthropic: "authentication_error",
		openai: "authentication_error",
		message: "The API key is not known to this gateway.",
		hint: "Use the gateway's own key (general_settings.master_key), not a provider's key.",
	},
	not_found: {
		status: 404,
		anthropic: "not_found_error",
		openai: "invalid_request_error",
		message: "{method} {path} is not served here.",
		hint: "Point ANTHROPIC_BASE_URL at the gateway's root; it serves POST /v1/messages, POST /v1/messages/count_tokens and GET /v1/models.",
	},
	method_not_allowed: {
		status: 405,
		anthropic: "invalid_request_error",
		openai: "invalid_request_error",
		message: "{path} does not answer {method}.",
		hint: "Use {allow}.",
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
		message: "The request body is compressed ({encoding}).",
		hint: "Send it uncompressed.",
	},
	unsupported_provider: {
		status: 501,
		anthropic: "api_error",
		openai: "api_error",
		message: "Deployment '{deployment}' is of a kind this version does not serve yet ({provider}).",
		hint: "Use an anthropic/ deployment in this group, or a later version.",
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
	upstream_rejected_credentials: {
		status: 502,
		anthropic: "api_error",
		openai: "api_error",
		message: "Every deployment of '{model}' refused the gateway's own credentials ({attempts}).",
		hint: "The operator must check the deployments' api_key settings.",
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
