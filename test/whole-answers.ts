// The shortest whole answers that are answers, of the Messages API and of Chat Completions.

export const MESSAGE = {
	id: "msg_1",
	type: "message",
	role: "assistant",
	model: "m",
	content: [{ type: "text", text: "Fine." }],
	stop_reason: "end_turn",
	stop_sequence: null,
	usage: { input_tokens: 1, output_tokens: 1 },
};

export const COMPLETION = {
	id: "chatcmpl-1",
	object: "chat.completion",
	model: "m",
	choices: [{ index: 0, message: { role: "assistant", content: "Fine." }, finish_reason: "stop" }],
	usage: { prompt_tokens: 1, completion_tokens: 1 },
};
