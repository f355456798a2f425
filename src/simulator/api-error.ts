// The provider's error shape, and which error type belongs to which status. Leaves when to raise one to the callers.

/** An error that the simulated provider answers with (providers §2). */
export class ApiError extends Error {
	override readonly name = "ApiError";
	readonly status: number;
	/** `error.type` of the body. */
	readonly type: string;
	/** Extra response headers, such as retry-after. */
	readonly headers: Readonly<Record<string, string>>;
	/** `error.details.error_code`, where the provider gives one. */
	readonly code: string | null;
	/** The parameter that is wrong, for platforms that name it apart. */
	readonly param: string | null;

	constructor(status: number, message: string, extra: ApiErrorExtra = {}) {
		super(message);
		this.status = status;
		this.type = extra.type ?? errorTypeOf(status);
		this.headers = extra.headers ?? {};
		this.code = extra.code ?? null;
		this.param = extra.param ?? null;
	}
}

/** What an error may carry beside status and message. */
export interface ApiErrorExtra {
	readonly type?: string;
	readonly headers?: Readonly<Record<string, string>>;
	readonly code?: string;
	readonly param?: string;
}

/** A 400 of the request's own making. */
export function invalid(message: string): ApiError {
	return new ApiError(400, message);
}

/** The error type that goes with a status when nothing more precise is known. */
export function errorTypeOf(status: number): string {
	switch (status) {
		case 401:
			return "authentication_error";
		case 402:
			return "billing_error";
		case 403:
			return "permission_error";
		case 404:
			return "not_found_error";
		case 409:
			return "conflict_error";
		case 413:
			return "request_too_large";
		case 429:
			return "rate_limit_error";
		case 504:
			return "timeout_error";
		case 503:
		case 529:
			return "overloaded_error";
		default:
			return status >= 500 ? "api_error" : "invalid_request_error";
	}
}

/** The body of an error answer, and the data of an SSE `error` event. */
export function errorBody(error: ApiError, requestId: string): Record<string, unknown> {
	const details = error.code === null ? {} : { details: { error_code: error.code } };
	return {
		type: "error",
		error: { type: error.type, message: error.message, ...details },
		request_id: requestId,
	};
}
