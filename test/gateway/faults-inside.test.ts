// A fault inside the gateway, in the middle of an upstream's answer: a log that cannot be written throws where the answer begins.
import { expect, test } from "vitest";
import { startGateway } from "../../src/gateway.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import { WHOLE_OR_STREAM } from "../client-formats.ts";
import { deploymentsConfig, MASTER_KEY } from "../harness.ts";
import { startRecordingUpstream } from "../recording-upstream.ts";
import { http1Client } from "../wire-clients.ts";

test.each([
	["/v1/messages", '{"model":"claude-code","max_tokens":5,"messages":[]}'],
	["/v1/messages", '{"model":"claude-code","max_tokens":5,"stream":true,"messages":[]}'],
	["/v1/chat/completions", '{"model":"claude-code","stream":true,"messages":[{"role":"user","content":"hi"}]}'],
	["/v1/responses", '{"model":"claude-code","input":"hi"}'],
	["/model/claude-code/invoke", '{"max_tokens":5,"messages":[]}'],
])("ends its own request with an error, and gives back its place (%s %s)", async (path, body) => {
	await using upstream = await startRecordingUpstream(WHOLE_OR_STREAM);
	const state = { isBroken: true };
	const destination = {
		write(line: string): void {
			if (state.isBroken && line.includes("router: Routing")) throw new Error("no space left on device");
		},
	};
	const log = createLogger({ level: "info", format: "json" }, destination as unknown as NodeJS.WritableStream);
	const gateway = await startGateway(deploymentsConfig([{ id: "a", apiBase: upstream.url }]), { log });
	const client = http1Client(gateway.port);
	const headers = { "x-api-key": MASTER_KEY, "content-type": "application/json" };
	expect(await client({ path, headers, body })).toMatchObject({ status: 500, error: "" });
	expect(gateway.router.deployments().map(({ inFlight, cooldownUntil }) => [inFlight, cooldownUntil])).toEqual([
		[0, 0],
	]);
	state.isBroken = false;
	expect(await client({ path, headers, body })).toMatchObject({ status: 200, error: "" });
	expect(upstream.requests.length).toBe(2);
	await gateway.close(0);
});
