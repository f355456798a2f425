// A Chat Completions or Responses body brought into the Messages form, so that the same scripts answer it. Leaves checking the Messages form to request.ts.
import { ApiError } from "../api-error.ts";
import { type Fields, fieldsOf } from "../body.ts";

/** What the Messages form needs of an OpenAI body; `maxTokens` when the request names none. */
export interface Conversion {
	readonly maxTokens: number;
}

type Content = Record<string, unknown>;
type Turn = { role: "user" | "assistant" | "system"; content: Content[] };

/** Throws OpenAI's 400 for what is missing or of the wrong kind. */
export function chatToMessages(json: unknown, { maxTokens }: Conversion): Record<string, unknown> {
	const body = fieldsOf(json);
	if (body === null) throw badRequest("We could not parse the JSON body of your request.", null);
	const messages = body["messages"];
	if (typeof body["model"] !== "string") throw badRequest("you must provide a model parameter", "model");
	if (!Array.isArray(messages)) throw badRequest("Missing required parameter: 'messages'.", "messages");
	if (messages.length === 0)
		throw badRequest("Invalid 'messages': empty array. Expected an array with minimum length 1.", "messages");
	const system: Content[] = [];
	const turns: Turn[] = [];
	for (const [index, item] of messages.entries()) addMessage(item, index, { system, turns });
	// A conversation of instructions alone still asks for an answer.
	if (turns.length === 0) turns.push({ role: "user", content: [{ type: "text", text: "." }] });
	const asked = body["max_completion_tokens"] ?? body["max_tokens"] ?? maxTokens;
	return {
		model: body["model"],
		max_tokens: asked,
		stream: body["stream"] ?? false,
		...(system.length > 0 && { system }),
		messages: turns,
		...toolsOf(body),
		...formatOf(fieldsOf(body["response_format"])),
	};
}

/** A Responses body as the Chat Completions body that says the same. Throws for what needs a server-held conversation. */
export function responsesToChat(json: unknown): Record<string, unknown> {
	const body = fieldsOf(json);
	if (body === null) throw badRequest("We could not parse the JSON body of your request.", null);
	const earlier = body["previous_response_id"];
	if (typeof earlier === "string") {
		throw new ApiError(400, `Previous response with id '${earlier}' not found.`, {
			code: "previous_response_not_found",
		});
	}
	const { instructions, input } = body;
	const messages: unknown[] = typeof instructions === "string" ? [{ role: "developer", content: instructions }] : [];
	if (typeof input === "string") messages.push({ role: "user", content: input });
	else if (Array.isArray(input)) for (const item of input) addItem(fieldsOf(item) ?? {}, messages);
	else throw badRequest("Missing required parameter: 'input'.", "input");
	const tools = Array.isArray(body["tools"]) ? body["tools"].flatMap(asChatTool) : undefined;
	const format = fieldsOf(fieldsOf(body["text"])?.["format"]);
	return {
		model: body["model"],
		messages,
		stream: body["stream"] ?? false,
		max_completion_tokens: body["max_output_tokens"] ?? undefined,
		tool_choice: asChatChoice(body["tool_choice"]),
		...(tools !== undefined && { tools }),
		...(format?.["type"] === "json_schema" && { response_format: { type: "json_schema", json_schema: format } }),
	};
}

/** OpenAI's 400 for one parameter. */
export function badRequest(message: string, param: string | null): ApiError {
	return new ApiError(400, message, param === null ? {} : { param });
}

function addMessage(item: unknown, index: number, into: { system: Content[]; turns: Turn[] }): void {
	const message = fieldsOf(item);
	const path = `messages[${index}]`;
	if (message === null) throw badRequest(`Invalid type for '${path}': expected an object.`, path);
	const { role } = message;
	switch (role) {
		case "system":
		case "developer": {
			const blocks = contentOf(message["content"], `${path}.content`);
			if (into.turns.length === 0) into.system.push(...blocks);
			else into.turns.push({ role: "system", content: blocks });
			return;
		}
		case "user":
			add(into.turns, "user", contentOf(message["content"], `${path}.content`));
			return;
		case "assistant":
			add(into.turns, "assistant", assistantContent(message, path));
			return;
		case "tool":
		case "function":
			add(into.turns, "user", [
				{
					type: "tool_result",
					tool_use_id: String(message["tool_call_id"] ?? ""),
					content: contentOf(message["content"], `${path}.content`),
				},
			]);
			return;
		default:
			throw badRequest(
				`Invalid value: '${String(role)}'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.`,
				`${path}.role`,
			);
	}
}

/** Results of one turn's calls are one message in the Messages form. */
function add(turns: Turn[], role: "user" | "assistant", content: Content[]): void {
	const last = turns.at(-1);
	const isResult = content.every((block) => block["type"] === "tool_result");
	if (
		role === "user" &&
		isResult &&
		last?.role === "user" &&
		last.content.every((block) => block["type"] === "tool_result")
	) {
		last.content.push(...content);
		return;
	}
	turns.push({ role, content });
}

function assistantContent(message: Fields, path: string): Content[] {
	const blocks = (message["content"] ?? "") === "" ? [] : contentOf(message["content"], `${path}.content`);
	const calls = Array.isArray(message["tool_calls"]) ? message["tool_calls"] : [];
	for (const item of calls) {
		const call = fieldsOf(item);
		const named = fieldsOf(call?.["function"]);
		const input = fieldsOf(parsed(named?.["arguments"])) ?? {};
		blocks.push({ type: "tool_use", id: String(call?.["id"] ?? ""), name: String(named?.["name"] ?? ""), input });
	}
	return blocks.length > 0 ? blocks : [{ type: "text", text: " " }];
}

function contentOf(content: unknown, path: string): Content[] {
	// An empty text is legal here and not in the Messages form.
	if (typeof content === "string") return [{ type: "text", text: content === "" ? " " : content }];
	if (!Array.isArray(content))
		throw badRequest(`Invalid type for '${path}': expected one of a string or array of objects.`, path);
	return content.map((item) => partOf(fieldsOf(item) ?? {}));
}

function partOf(part: Fields): Content {
	switch (part["type"]) {
		case "image_url":
		case "input_image": {
			const url = fieldsOf(part["image_url"])?.["url"] ?? part["image_url"];
			return { type: "image", source: { type: "url", url: String(url) } };
		}
		case "file":
		case "input_file":
		case "input_audio":
			return { type: "document", source: { type: "text", media_type: "text/plain", data: JSON.stringify(part) } };
		default: {
			const text = String(part["text"] ?? part["refusal"] ?? "");
			return { type: "text", text: text === "" ? " " : text };
		}
	}
}

function toolsOf(body: Fields): Record<string, unknown> {
	if (!Array.isArray(body["tools"])) return {};
	const tools = body["tools"].flatMap((item): Content[] => {
		const named = fieldsOf(fieldsOf(item)?.["function"]);
		if (named === null) return [];
		const { name, description, parameters } = named;
		return [
			{ name, ...(description !== undefined && { description }), input_schema: parameters ?? { type: "object" } },
		];
	});
	const choice = body["tool_choice"];
	// Told not to call any, a model answers as if it had no tools.
	if (choice === "none" || tools.length === 0) return {};
	const named = fieldsOf(fieldsOf(choice)?.["function"])?.["name"];
	const tool_choice =
		choice === "required" ? { type: "any" } : named !== undefined ? { type: "tool", name: named } : { type: "auto" };
	return { tools, tool_choice };
}

function formatOf(format: Fields | null): Record<string, unknown> {
	if (format?.["type"] === "json_object")
		return { output_config: { format: { type: "json_schema", schema: { type: "object" } } } };
	if (format?.["type"] !== "json_schema") return {};
	const schema = fieldsOf(format["json_schema"])?.["schema"] ?? {};
	return { output_config: { format: { type: "json_schema", schema } } };
}

function addItem(item: Fields, messages: unknown[]): void {
	switch (item["type"] ?? "message") {
		case "message":
			messages.push({ role: item["role"], content: item["content"] });
			return;
		case "function_call": {
			const call = {
				id: item["call_id"],
				type: "function",
				function: { name: item["name"], arguments: item["arguments"] },
			};
			const last = fieldsOf(messages.at(-1));
			// Parallel calls are items of their own here and one message there.
			if (last?.["role"] === "assistant" && Array.isArray(last["tool_calls"])) last["tool_calls"].push(call);
			else messages.push({ role: "assistant", content: null, tool_calls: [call] });
			return;
		}
		case "function_call_output": {
			const { output } = item;
			messages.push({
				role: "tool",
				tool_call_id: item["call_id"],
				content: typeof output === "string" ? output : JSON.stringify(output),
			});
			return;
		}
		case "reasoning":
			return;
		default:
			throw badRequest(`Invalid value: '${String(item["type"])}'.`, "input");
	}
}

function asChatTool(item: unknown): unknown[] {
	const tool = fieldsOf(item);
	if (tool?.["type"] !== "function") return [];
	const { type: _type, ...named } = tool;
	return [{ type: "function", function: named }];
}

function asChatChoice(choice: unknown): unknown {
	const named = fieldsOf(choice)?.["name"];
	return named === undefined ? choice : { type: "function", function: { name: named } };
}

function parsed(text: unknown): unknown {
	try {
		return JSON.parse(String(text));
	} catch {
		return null;
	}
}
