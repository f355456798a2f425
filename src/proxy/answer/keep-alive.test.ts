import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { KeepAlive, PING_AFTER_MS } from "./keep-alive.ts";

beforeEach(() => {
	vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => {
	vi.useRealTimers();
});

/** A stream that is kept alive, and what was written to it. */
function idleStream() {
	const stream = new PassThrough();
	const keepAlive = new KeepAlive(stream, Buffer.from("ping "), (error) => {
		throw error;
	});
	return { stream, keepAlive, written: () => String(stream.read() ?? "") };
}

test("a ping goes out for every 15 s of silence", () => {
	const { keepAlive, written } = idleStream();
	vi.advanceTimersByTime(PING_AFTER_MS - 1);
	expect(written()).toBe("");
	vi.advanceTimersByTime(1 + 2 * PING_AFTER_MS);
	expect(written()).toBe("ping ping ping ");
	keepAlive.stop();
});

test("what is written in between postpones it", () => {
	const { keepAlive, written } = idleStream();
	for (let each = 0; each < 5; each += 1) {
		vi.advanceTimersByTime(PING_AFTER_MS - 1);
		keepAlive.postpone();
	}
	expect(written()).toBe("");
	vi.advanceTimersByTime(PING_AFTER_MS);
	expect(written()).toBe("ping ");
	keepAlive.stop();
});

test("none after the end, nor for a client that does not read", () => {
	const ended = idleStream();
	ended.stream.end();
	vi.advanceTimersByTime(3 * PING_AFTER_MS);
	expect(ended.written()).toBe("");

	const full = idleStream();
	while (full.stream.write("x".repeat(1000)));
	const before = full.stream.readableLength + full.stream.writableLength;
	vi.advanceTimersByTime(3 * PING_AFTER_MS);
	expect(full.stream.readableLength + full.stream.writableLength).toBe(before);
	full.keepAlive.stop();

	const stopped = idleStream();
	stopped.keepAlive.stop();
	vi.advanceTimersByTime(3 * PING_AFTER_MS);
	expect(stopped.written()).toBe("");
});
