// Tools, tool_choice and response_format of Chat Completions → the Messages API's. Leaves messages to chat-messages.
import { asList, asObject, type Draft, type JsonObject, put, textOf } from "./json.ts";
import { type ModelTraits, refuse, unsupported } from "./traits.ts";

/** By this tool a model answers in JSON where it has no structured outputs. Its input is shown to the client as the answer's text. */
export const ANSWER_TOOL = "json_answer";

/** What `tools` and `response_format` become. Members are null where they are not sent. */
export interface TranslatedTools {
	readonly tools: readonly Draft[] | null;
	readonly toolChoice: Draft | null;
	/** `output_config.format`. */
	readonly format: Draft | null;
	/** The answer comes as a call of `ANSWER_TOOL`. */
	readonly answerTool: boolean;
}

/**
 * Translates them. A schema is asked for by `output_config.format` where every model understands it, otherwise by a tool that the model
 * must call; `isThinking` forbids forcing it (the Messages API refuses a forced choice beside thinking). Throws invalid_field.
 */
export function toolsOf(chat: JsonObject, about: { traits: ModelTraits; isThinking: boolean }): TranslatedTools {
	const { traits, isThinking } = about;
	if (chat["functions"] !== undefined) unsupported(traits, "functions", "not supported any more: send tools");
	const strict = keptStrict(asList(chat["tools"]), traits);
	const tools = asList(chat["tools"]).flatMap((tool, at) => toolOf(tool, { path: `tools.${at}`, traits, strict }));
	const chosen = choiceOf(chat["tool_choice"], tools.length > 0);
	const wanted = wantedFormat(chat["response_format"], traits);
	let toolChoice = chosen;
	const answerTool = wanted !== null && (!traits.schemas || wanted.schema === null);
	if (wanted !== null && answerTool) {
		tools.push(answerToolOf(wanted));
		if (chosen?.["type"] !== "tool") toolChoice = isThinking ? { type: "auto" } : { type: "any" };
		if (tools.length === 1 && !isThinking) toolChoice = { type: "tool", name: ANSWER_TOOL };
	}
	if (chat["parallel_tool_calls"] === false && tools.length > 0 && toolChoice?.["type"] !== "none") {
		toolChoice = { ...(toolChoice ?? { type: "auto" }), disable_parallel_tool_use: true };
	}
	return {
		tools: tools.length === 0 ? null : tools,
		toolChoice,
		format: wanted === null || answerTool ? null : { type: "json_schema", schema: wanted.schema },
		answerTool,
	};
}

/** The Messages API admits so many strict tools in one request. */
const MOST_STRICT = 20;

/**
 * Whether `strict` of tools is kept: where every model has structured outputs, and the tools are no more than it admits, for a request
 * that OpenAI takes should not fail here. Elsewhere it is left out: the model is not held to the schema, but sees it.
 */
function keptStrict(tools: readonly unknown[], { schemas }: ModelTraits): boolean {
	const strict = tools.filter((tool) => isStrict(asObject(tool)));
	return schemas && strict.length <= MOST_STRICT;
}

function isStrict(tool: JsonObject | null): boolean {
	return (asObject(tool?.["function"]) ?? tool)?.["strict"] === true;
}

interface ToolAbout {
	/** Names it in errors. */
	readonly path: string;
	readonly traits: ModelTraits;
	/** `strict` is kept. */
	readonly strict: boolean;
}

/** A function tool; a tool in the Messages API's own form is taken as it is. */
function toolOf(tool: unknown, about: ToolAbout): Draft[] {
	const { path, traits } = about;
	const object = asObject(tool);
	if (object === null) refuse(path, "Input should be an object");
	const described = asObject(object["function"]);
	if (described === null) {
		if (object["input_schema"] !== undefined || /_\d{8}$/.test(String(object["type"]))) return [{ ...object }];
		// The Responses API has the members of a function beside its type.
		if (object["type"] === "function" && typeof object["name"] === "string")
			return [functionTool(object, object, about)];
		unsupported(traits, path, `tools of type '${String(object["type"])}' cannot be sent to this model`);
		return [];
	}
	return [functionTool(described, object, about)];
}

function functionTool(described: JsonObject, around: JsonObject, { path, strict }: ToolAbout): Draft {
	const name = textOf(described, "name");
	if (name === null) refuse(`${path}.function.name`, "Field required");
	const tool: Draft = { name };
	put(tool, "description", textOf(described, "description"));
	const schema = asObject(described["parameters"]);
	tool["input_schema"] = schema === null ? { type: "object", properties: {} } : withType(schema);
	if (strict && described["strict"] === true) tool["strict"] = true;
	put(tool, "cache_control", asObject(around["cache_control"]) ?? asObject(described["cache_control"]));
	return tool;
}

/** The Messages API insists on an object's schema. */
function withType(schema: JsonObject): JsonObject {
	return schema["type"] === undefined ? { type: "object", ...schema } : schema;
}

function choiceOf(choice: unknown, hasTools: boolean): Draft | null {
	if (!hasTools || choice === undefined || choice === null) return null;
	if (choice === "auto" || choice === "none") return { type: choice };
	if (choice === "required" || choice === "any") return { type: "any" };
	const object = asObject(choice);
	const name = textOf(object?.["function"], "name") ?? textOf(object, "name");
	if (name !== null) return { type: "tool", name };
	const type = textOf(object, "type");
	if (type === "auto" || type === "any" || type === "none") return { ...object };
	refuse("tool_choice", "Input should be none, auto, required or {type: function, function: {name}}");
}

interface WantedFormat {
	/** null = any JSON object. */
	readonly schema: JsonObject | null;
	readonly description: string | null;
}

function wantedFormat(format: unknown, traits: ModelTraits): WantedFormat | null {
	const object = asObject(format);
	switch (object?.["type"]) {
		case undefined:
		case "text":
			return null;
		case "json_object": {
			// LiteLLM takes a schema beside the type too.
			const schema = asObject(object["response_schema"]);
			return { schema, description: null };
		}
		case "json_schema": {
			const described = asObject(object["json_schema"]) ?? object;
			const schema = asObject(described["schema"]);
			if (schema === null) refuse("response_format.json_schema.schema", "Field required");
			return { schema, description: textOf(described, "description") };
		}
		default:
			unsupported(traits, "response_format.type", "Input should be text, json_object or json_schema");
			return null;
	}
}

function answerToolOf({ schema, description }: WantedFormat): Draft {
	const purpose = "Give the final answer by calling this tool, once, with the answer as its input.";
	return {
		name: ANSWER_TOOL,
		description: description === null ? purpose : `${purpose} ${description}`,
		input_schema: schema === null ? { type: "object", additionalProperties: true } : withType(schema),
	};
}
