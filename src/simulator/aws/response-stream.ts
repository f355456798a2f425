// Bedrock's form of a stream: event-stream frames around the Messages API's events, and the counts that go with an answer. Leaves frames to event-frame.ts.
import type { ApiError } from "../api-error.ts";
import { fieldsOf } from "../body.ts";
import type { InputUsage } from "../cache.ts";
import type { StreamEncoder, StreamEvent } from "../stream.ts";
import { exceptionName } from "./errors.ts";
import { eventMessage, exceptionMessage } from "./event-frame.ts";

const PADDING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/** One stream. Pings do not exist here; the last event carries the invocation's metrics. */
export class BedrockStream implements StreamEncoder {
	readonly contentType = "application/vnd.amazon.eventstream";
	#usage: Readonly<Record<string, unknown>> = {};
	#frames = 0;

	event(event: StreamEvent): Buffer {
		if (event.name === "ping") return Buffer.alloc(0);
		const usage = fieldsOf(event.data["usage"]) ?? fieldsOf(fieldsOf(event.data["message"])?.["usage"]);
		if (usage !== null) this.#usage = usage;
		const data =
			event.name === "message_stop"
				? { ...event.data, "amazon-bedrock-invocationMetrics": this.#metrics() }
				: event.data;
		this.#frames += 1;
		// Frames are padded so that their length does not give the tokens away.
		const p = PADDING.slice(0, (this.#frames * 7) % PADDING.length);
		return eventMessage("chunk", { bytes: Buffer.from(JSON.stringify(data)).toString("base64"), p });
	}

	error(error: ApiError): Buffer {
		const name = exceptionName(error);
		return exceptionMessage(name.slice(0, 1).toLowerCase() + name.slice(1), error.message);
	}

	#metrics(): Record<string, unknown> {
		return {
			inputTokenCount: this.#usage["input_tokens"] ?? 0,
			outputTokenCount: this.#usage["output_tokens"] ?? 0,
			invocationLatency: 0,
			firstByteLatency: 0,
			cacheReadInputTokenCount: this.#usage["cache_read_input_tokens"] ?? 0,
			cacheWriteInputTokenCount: this.#usage["cache_creation_input_tokens"] ?? 0,
		};
	}
}

/** The counts as headers of a whole answer. */
export function metricHeaders(input: InputUsage, outputTokens: number): Record<string, string> {
	return {
		"x-amzn-bedrock-input-token-count": String(input.uncached),
		"x-amzn-bedrock-output-token-count": String(outputTokens),
		"x-amzn-bedrock-invocation-latency": "0",
		"x-amzn-bedrock-cache-read-input-token-count": String(input.read),
		"x-amzn-bedrock-cache-write-input-token-count": String(input.write5m + input.write1h),
	};
}
