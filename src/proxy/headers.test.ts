import { expect, test } from "vitest";
import { forwardedHeaders, relayedHeaders } from "./headers.ts";

test("end-to-end headers keep their order, case and values; hop-by-hop ones, credentials and the gateway's own are taken off", () => {
	const raw = [
		["Host", "gateway"],
		["Accept", "application/json"],
		["Authorization", "Bearer sk-gateway"],
		["X-Api-Key", "sk-gateway"],
		["x-litellm-api-key", "sk-gateway"],
		["X-Claude-Code-Session-Id", "s-1"],
		["anthropic-beta", "b,a"],
		["anthropic-version", "2023-06-01"],
		["Connection", "keep-alive, X-Private"],
		["X-Private", "1"],
		["Content-Length", "12"],
		["Transfer-Encoding", "chunked"],
		["Cookie", "a=b"],
	].flat();
	expect(forwardedHeaders(raw, true)).toEqual(
		[
			["Accept", "application/json"],
			["X-Claude-Code-Session-Id", "s-1"],
			["anthropic-beta", "b,a"],
			["anthropic-version", "2023-06-01"],
			["accept-encoding", "identity"],
		].flat(),
	);
});

test("a whole answer may be compressed in an encoding that both the client and the gateway can read", () => {
	expect(forwardedHeaders(["Accept-Encoding", "gzip, deflate, br, zstd"], false)).toEqual([
		"accept-encoding",
		"gzip, deflate, br",
	]);
	expect(forwardedHeaders(["Accept-Encoding", "zstd"], false)).toEqual(["accept-encoding", "identity"]);
	expect(forwardedHeaders([], false)).toEqual(["accept-encoding", "identity"]);
});

test("the answer's hop-by-hop headers and those its connection names stay behind", () => {
	const headers = {
		connection: "close, x-internal",
		"x-internal": "1",
		"keep-alive": "timeout=5",
		"transfer-encoding": "chunked",
		"content-type": "application/json",
		"set-cookie": ["a", "b"],
	};
	expect(relayedHeaders(headers, {})).toEqual(["content-type", "application/json"]);
});

test("a header that the answer has several times stays so, and the gateway's own stand in the place of the upstream's", () => {
	const headers = { "x-several": ["a", "b"], "x-litellm-call-id": "upstream's" };
	expect(relayedHeaders(headers, { "x-litellm-call-id": "ours" })).toEqual(
		[
			["x-several", "a"],
			["x-several", "b"],
			["x-litellm-call-id", "ours"],
		].flat(),
	);
});

test("a header that one request's connection makes hop-by-hop is end-to-end in the next one", () => {
	const sent = (connection: string) => forwardedHeaders(["X-Private", "1", "Connection", connection], true);
	expect(sent("x-private")).toEqual(["accept-encoding", "identity"]);
	expect(sent("keep-alive")).toEqual(["X-Private", "1", "accept-encoding", "identity"]);
});
