// A gateway that is asked to stop while clients are served.
import { Agent, request } from "node:http";
import { expect, test } from "vitest";
import { deploymentsConfig, MASTER_KEY, startTestGateway } from "../harness.ts";
import { CONTENT, START, STOP } from "../message-events.ts";
import { startRecordingUpstream } from "../recording-upstream.ts";

const BODY = '{"model":"claude-code","max_tokens":10,"stream":true,"messages":[{"role":"user","content":"hi"}]}';

test("it finishes answers that run, then closes, though clients keep their connections", async () => {
	let finish = (): void => {};
	await using upstream = await startRecordingUpstream((_request, response) => {
		response.writeHead(200, { "content-type": "text/event-stream" });
		response.write(START + CONTENT);
		finish = () => response.end(STOP);
	});
	const gateway = await startTestGateway(deploymentsConfig([{ id: "a", apiBase: upstream.url }]));
	// One that would keep its connection for as long as it may.
	const agent = new Agent({ keepAlive: true });
	const chunks: string[] = [];
	const ended = new Promise<void>((resolve, reject) => {
		const sent = request(
			`${gateway.url}/v1/messages`,
			{ method: "POST", agent, headers: { "x-api-key": MASTER_KEY } },
			(response) => {
				response.setEncoding("utf8");
				response.on("data", (chunk: string) => chunks.push(chunk));
				response.on("end", resolve);
			},
		);
		sent.on("error", reject);
		sent.end(BODY);
	});
	await expect.poll(() => chunks.join("")).toBe(START + CONTENT);
	// The test's own time limit is shorter than this grace.
	const closed = gateway.close(600_000);
	finish();
	await ended;
	await closed;
	expect(chunks.join("")).toBe(START + CONTENT + STOP);
	agent.destroy();
});
