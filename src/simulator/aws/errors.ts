// AWS's form of errors and answer headers. Leaves which error it is to the callers.
import type { ApiError } from "../api-error.ts";
import type { TextAnswer } from "../dialect.ts";

/** The name of an exception for an error: its own, or what goes with type and status (providers §2). */
export function exceptionName(error: ApiError): string {
	if (!error.type.endsWith("_error")) return error.type;
	switch (error.type) {
		case "rate_limit_error":
			return "ThrottlingException";
		case "overloaded_error":
			return "ServiceUnavailableException";
		case "timeout_error":
			return "ModelTimeoutException";
	}
	switch (error.status) {
		case 401:
		case 402:
		case 403:
			return "AccessDeniedException";
		case 404:
			return "ResourceNotFoundException";
		case 408:
			return "ModelTimeoutException";
		case 424:
			return "ModelErrorException";
		case 500:
		case 502:
			return "InternalServerException";
		case 503:
			return "ServiceUnavailableException";
		default:
			return error.status >= 500 ? "InternalServerException" : "ValidationException";
	}
}

/** An error answer: the message in the body, the name in `x-amzn-errortype`. */
export function awsError(error: ApiError): TextAnswer {
	const name = exceptionName(error);
	const headers = {
		"x-amzn-errortype": `${name}:http://internal.amazon.com/coral/com.amazon.bedrock/`,
		...error.headers,
	};
	return { status: error.status, headers, body: JSON.stringify({ message: error.message }) };
}

/** `x-amzn-requestid` on every answer. */
export function awsHeaders(requestId: string): Record<string, string> {
	return { "x-amzn-requestid": requestId };
}

/** What Bedrock says with a status when nothing more is known. */
export function awsFaultMessage(status: number): string {
	switch (status) {
		case 403:
			return "User is not authorized to perform: bedrock:InvokeModel";
		case 404:
			return "Could not resolve the foundation model from the provided model identifier.";
		case 408:
			return "Model has timed out in processing the request. Try your request again.";
		case 424:
			return "The system encountered an unexpected error during processing. Try your request again.";
		case 429:
			return "Too many requests, please wait before trying again.";
		case 500:
			return "The system encountered an unexpected error during processing. Try your request again.";
		case 503:
			return "Bedrock is unable to process your request.";
		default:
			return `Simulated failure with status ${status}`;
	}
}
