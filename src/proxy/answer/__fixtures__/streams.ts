// Streams of the Messages API, event by event, in every valid way to write them.
export type Event = Readonly<Record<string, unknown>>;

export const start = (message: Event = {}): Event => ({
	type: "message_start",
	message: {
		id: "msg_1",
		type: "message",
		role: "assistant",
		model: "m",
		content: [],
		stop_reason: null,
		stop_sequence: null,
		usage: { input_tokens: 100, output_tokens: 1 },
		...message,
	},
});
export const block = (index: number, content_block: Event): Event => ({
	type: "content_block_start",
	index,
	content_block,
});
export const text = (index: number): Event => block(index, { type: "text", text: "" });
export const thinking = (index: number): Event => block(index, { type: "thinking", thinking: "", signature: "" });
export const tool = (index: number, more: Event = {}): Event =>
	block(index, { type: "tool_use", id: `toolu_${index}`, name: "f", input: {}, ...more });
export const say = (index: number, piece: string): Event => delta(index, { type: "text_delta", text: piece });
export const args = (index: number, partial_json: unknown): Event =>
	delta(index, { type: "input_json_delta", partial_json });
export const delta = (index: number, delta: Event): Event => ({ type: "content_block_delta", index, delta });
export const stop = (index: number): Event => ({ type: "content_block_stop", index });
export const end = (more: Event = {}): Event => ({
	type: "message_delta",
	delta: { stop_reason: "end_turn", stop_sequence: null },
	usage: { output_tokens: 7 },
	...more,
});
export const STOP: Event = { type: "message_stop" };

export type Form = (name: string, data: string, eol: string) => string;
export const plain: Form = (name, data, eol) => `event: ${name}${eol}data: ${data}${eol}${eol}`;
export const FORMS: Readonly<Record<string, Form>> = {
	plain,
	"data only": (_name, data, eol) => `data: ${data}${eol}${eol}`,
	"data first": (name, data, eol) => `data: ${data}${eol}event: ${name}${eol}${eol}`,
	"id first": (name, data, eol) => `id: 7${eol}event: ${name}${eol}data: ${data}${eol}${eol}`,
	"comment and retry": (name, data, eol) => `: x${eol}retry: 1${eol}event: ${name}${eol}data: ${data}${eol}${eol}`,
	"comment alone": (name, data, eol) => `: x${eol}${eol}event: ${name}${eol}data: ${data}${eol}${eol}`,
	"no space": (name, data, eol) => `event:${name}${eol}data:${data}${eol}${eol}`,
	"another name": (_name, data, eol) => `event: message${eol}data: ${data}${eol}${eol}`,
	"several data lines": (name, data, eol) =>
		`event: ${name}${eol}data: ${data.slice(0, 1)}${eol}data: ${data.slice(1)}${eol}${eol}`,
	"spaces in the JSON": (name, data, eol) => `event: ${name}${eol}data: ${spaced(data)}${eol}${eol}`,
};

function spaced(data: string): string {
	return JSON.stringify(JSON.parse(data), null, 1).replaceAll("\n", "");
}

export function sent(events: readonly (Event | string)[], form: Form = plain, eol = "\n"): Buffer {
	const written = events.map((event) =>
		typeof event === "string" ? event : form(String(event["type"]), JSON.stringify(event), eol),
	);
	return Buffer.from(written.join(""));
}

/** As the API itself writes it. */
export const WELL_FORMED: readonly Event[] = [
	start(),
	{ type: "ping" },
	thinking(0),
	delta(0, { type: "thinking_delta", thinking: "hm" }),
	delta(0, { type: "signature_delta", signature: "sig" }),
	stop(0),
	text(1),
	say(1, "Grüße "),
	say(1, "👋"),
	stop(1),
	tool(2),
	args(2, ""),
	args(2, '{"p":'),
	args(2, "1}"),
	stop(2),
	end(),
	STOP,
];
