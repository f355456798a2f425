// A gateway before upstreams that refuse, each with a key of its own: for tests of whose fault an error is.
import { configFrom, startTestGateway } from "./harness.ts";
import { type Answer, startRecordingUpstream } from "./recording-upstream.ts";

const MESSAGE = { type: "message", role: "assistant", content: [], usage: { input_tokens: 1, output_tokens: 1 } };

export type Refusal = readonly [
	status: number,
	type: string,
	message: string,
	headers?: Readonly<Record<string, string>>,
];

export function rows(refusals: readonly Refusal[]): [string, Refusal][] {
	return refusals.map((refusal) => [refusal.slice(0, 3).join(" "), refusal]);
}

export function refuse([status, type, message, headers = {}]: Refusal): Answer {
	return (_request, response) => {
		response.writeHead(status, { "content-type": "application/json", ...headers });
		response.end(JSON.stringify({ type: "error", error: { type, message } }));
	};
}

export const serve: Answer = (_request, response) => {
	response.writeHead(200, { "content-type": "application/json" });
	response.end(JSON.stringify(MESSAGE));
};

interface Shape {
	/** Of all deployments that `groups` does not name. */
	readonly group?: string;
	readonly groups?: Readonly<Record<string, string>>;
	readonly model?: string;
	/** Of `router_settings`. */
	readonly settings?: string;
}

/** Deployments `a`, `b` … in this order, each with a key and an upstream of its own, all of `model`. */
export async function world(
	answers: Readonly<Record<string, Answer>>,
	{ group = "main", groups = {}, model = "claude-sonnet-4-5", settings = "" }: Shape = {},
) {
	const names = Object.keys(answers);
	const upstreams = new Map<string, Awaited<ReturnType<typeof startRecordingUpstream>>>();
	for (const name of names) upstreams.set(name, await startRecordingUpstream(answers[name] as Answer));
	const entries = names.map(
		(name, at) => `
  - model_name: "${groups[name] ?? group}"
    litellm_params: { model: "anthropic/${model}", api_base: "${upstreams.get(name)?.url}", api_key: sk-${name}, order: ${at + 1} }
    model_info: { id: ${name} }`,
	);
	const gateway = await startTestGateway(
		configFrom(
			`model_list:${entries.join("")}\nrouter_settings: { ${settings} }\ngeneral_settings: { master_key: sk-test-master }\nwarmpath: { listen: { port: 0 } }\n`,
		),
	);
	return {
		gateway,
		ask: (more: object = {}, headers: Readonly<Record<string, string>> = {}) =>
			gateway.post(
				"/v1/messages",
				JSON.stringify({ model: "main", max_tokens: 10, messages: [{ role: "user", content: "hi" }], ...more }),
				headers,
			),
		asked: (name: string) => upstreams.get(name)?.requests.length ?? 0,
		answer: (name: string, answer: Answer) => upstreams.get(name)?.setAnswer(answer),
		async [Symbol.asyncDispose](): Promise<void> {
			await gateway.close(0);
			for (const upstream of upstreams.values()) await upstream[Symbol.asyncDispose]();
		},
	};
}
