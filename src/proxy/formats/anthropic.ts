// The Messages API as a client format: canonical already, so nothing is changed on the way in or out.
import { errorBody, errorEvent } from "../../protocol/anthropic.ts";
import type { ClientFormat } from "./format.ts";

export const anthropicFormat: ClientFormat = {
	name: "anthropic",
	read: null,
	relaysErrors: true,
	platform: null,
	error: ({ status, type, message, requestId }) => ({
		status,
		headers: { "content-type": "application/json", "request-id": requestId },
		body: errorBody(type, message, requestId),
	}),
	errorEvent: ({ type, message, requestId }) => errorEvent(type, message, requestId),
};
