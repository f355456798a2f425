import { expect, it } from "vitest";
import { AnswerEvent } from "../../protocol/answer-event.ts";
import { EventStreamDecoder } from "../../protocol/eventstream.ts";
import { bedrockFormat } from "./bedrock.ts";

/** An encoder of a streamed answer on a fake clock; `send` answers the types of the events that go out. */
function stream() {
	const clock = { now: 1_000 };
	const read = bedrockFormat.read?.(
		Buffer.from("{}"),
		{ operation: "messages", given: { stream: true } },
		{} as never,
		() => {},
	);
	const encoder = read?.answer?.({ requestId: "r", startedAt: 0, now: () => clock.now });
	const send = (type: string): string[] => {
		const frames = new EventStreamDecoder().push(encoder?.event(AnswerEvent.of(type, {})) ?? Buffer.alloc(0));
		return frames.map(({ payload }) => {
			const { bytes } = JSON.parse(payload.toString()) as { bytes: string };
			return (JSON.parse(Buffer.from(bytes, "base64").toString()) as { type: string }).type;
		});
	};
	return { clock, send };
}

it("pings of the upstream, which Bedrock has not, stay behind, but for those that break a long silence", () => {
	const { clock, send } = stream();
	// Before the message has begun the SDK takes one for a fault.
	expect(send("ping")).toEqual([]);
	clock.now += 60_000;
	expect(send("ping")).toEqual([]);
	expect(send("message_start")).toEqual(["message_start"]);
	expect(send("ping")).toEqual([]);
	clock.now += 10_000;
	expect(send("ping")).toEqual(["ping"]);
	expect(send("ping")).toEqual([]);
	clock.now += 9_999;
	expect(send("content_block_start")).toEqual(["content_block_start"]);
	clock.now += 9_999;
	expect(send("ping")).toEqual([]);
});
