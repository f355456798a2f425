// OpenAI's form of errors. Leaves which error it is to the callers.
import type { ApiError } from "../api-error.ts";
import type { TextAnswer } from "../dialect.ts";

/** The body of an error, and the data of an error inside a stream. */
export function openAiErrorBody(error: ApiError): Record<string, unknown> {
	const { message, param } = error;
	return { error: { message, type: typeOf(error), param, code: error.code ?? codeOf(error.status) } };
}

/** An error answer. */
export function openAiError(error: ApiError): TextAnswer {
	return { status: error.status, headers: error.headers, body: JSON.stringify(openAiErrorBody(error)) };
}

/** What OpenAI says with a status when nothing more is known. */
export function openAiFaultMessage(status: number): string {
	switch (status) {
		case 401:
			return "Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys.";
		case 429:
			return "Rate limit reached. Please try again later.";
		case 500:
			return "The server had an error while processing your request. Sorry about that!";
		case 503:
			return "The engine is currently overloaded, please try again later.";
		default:
			return `Simulated failure with status ${status}`;
	}
}

function typeOf(error: ApiError): string {
	switch (error.type) {
		case "rate_limit_error":
			return error.message.includes("requests per min") ? "requests" : "tokens";
		case "authentication_error":
		case "not_found_error":
		case "request_too_large":
		case "permission_error":
			return "invalid_request_error";
		case "api_error":
		case "overloaded_error":
		case "timeout_error":
			return "server_error";
		default:
			return error.type;
	}
}

function codeOf(status: number): string | null {
	switch (status) {
		case 401:
			return "invalid_api_key";
		case 404:
			return "model_not_found";
		case 429:
			return "rate_limit_exceeded";
		default:
			return null;
	}
}
