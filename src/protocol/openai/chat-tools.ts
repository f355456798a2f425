// Tools, tool_choice and response_format of Chat Completions → the Messages API's. Leaves messages to chat-messages.
import { asList, asObject, type Draft, type JsonObject, put, textOf } from "./json.ts";
import { MOST_OPTIONAL, MOST_UNIONS, type StrictSchema, strictSchema } from "./strict-schema.ts";
import { inputSchema } from "./tool-schema.ts";
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
	const strict = strictTools(asList(chat["tools"]), traits);
	const tools = unique(
		asList(chat["tools"]).flatMap((tool, at) =>
			toolOf(tool, { path: `tools.${at}`, traits, strict: strict.get(tool) ?? null }),
		),
	);
	const chosen = choiceOf(chat["tool_choice"], tools.length > 0);
	const wanted = wantedFormat(chat["response_format"], traits);
	const held = wanted?.schema && traits.schemas ? heldTo(wanted.schema, strict) : null;
	let toolChoice = chosen;
	const answerTool = wanted !== null && held === null;
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
		format: held === null ? null : { type: "json_schema", schema: held },
		answerTool,
	};
}

/** `tools: Tool names must be unique.` is a 400 there; of several of one name the first stays. */
function unique(tools: readonly Draft[]): Draft[] {
	const names = new Set<unknown>();
	return tools.filter(({ name }) => {
		const isKnown = name !== undefined && names.has(name);
		names.add(name);
		return !isKnown;
	});
}

/** The Messages API admits so many strict tools in one request. */
const MOST_STRICT = 20;

/** The schemas of strict tools. */
type StrictTools = ReadonlyMap<unknown, StrictSchema>;

/**
 * Which tools stay strict: where every model has structured outputs, those whose schema can be said there, if all of them together are no
 * more than the API admits, for a request that OpenAI takes should not fail here. Elsewhere `strict` is left out: the model is not held to
 * the schema, but sees it.
 */
function strictTools(tools: readonly unknown[], { schemas }: ModelTraits): StrictTools {
	const found = new Map<unknown, StrictSchema>();
	if (!schemas) return found;
	for (const tool of tools) {
		const described = asObject(asObject(tool)?.["function"]) ?? asObject(tool);
		if (described?.["strict"] !== true || described["input_schema"] !== undefined) continue;
		const held = strictSchema(inputSchema(described["parameters"]));
		if (held !== null) found.set(tool, held);
	}
	return found.size <= MOST_STRICT && isWithin([...found.values()]) ? found : new Map();
}

function isWithin(schemas: readonly StrictSchema[]): boolean {
	const sum = (of: (schema: StrictSchema) => number): number => schemas.reduce((all, each) => all + of(each), 0);
	return sum(({ optional }) => optional) <= MOST_OPTIONAL && sum(({ unions }) => unions) <= MOST_UNIONS;
}

/** The schema that the answer's text is held to, beside the strict tools; null = it cannot be. */
function heldTo(schema: JsonObject, strict: StrictTools): JsonObject | null {
	const held = strictSchema(schema);
	return held !== null && isWithin([held, ...strict.values()]) ? held.schema : null;
}

interface ToolAbout {
	/** Names it in errors. */
	readonly path: string;
	readonly traits: ModelTraits;
	/** What it is held to; null = `strict` is left out. */
	readonly strict: StrictSchema | null;
}

/** A function tool; a tool in the Messages API's own form is taken as it is. */
function toolOf(tool: unknown, about: ToolAbout): Draft[] {
	const { path, traits } = about;
	const object = asObject(tool);
	if (object === null) refuse(path, "Input should be an object");
	const described = asObject(object["function"]);
	if (described === null) {
		if (object["input_schema"] !== undefined) return [{ ...object, input_schema: inputSchema(object["input_schema"]) }];
		if (/_\d{8}$/.test(String(object["type"]))) return [{ ...object }];
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
	tool["input_schema"] = strict?.schema ?? inputSchema(described["parameters"]);
	if (strict !== null) tool["strict"] = true;
	put(tool, "cache_control", asObject(around["cache_control"]) ?? asObject(described["cache_control"]));
	return tool;
}

function choiceOf(choice: unknown, hasTools: boolean): Draft | null {
	if (!hasTools || choice === undefined || choice === null) return null;
	if (choice === "auto" || choice === "none") return { type: choice };
	if (choice === "required" || choice === "any") return { type: "any" };
	const object = asObject(choice);
	const name = textOf(object?.["function"], "name") ?? textOf(object, "name");
	if (name !== null) return { type: "tool", name };
	const type = textOf(object, "type");
	// Of the tools some may be called: the list stays as it is, for the cache's sake, which is what this choice is for.
	if (type === "allowed_tools") {
		const mode = textOf(object?.["allowed_tools"], "mode") ?? textOf(object, "mode");
		return { type: mode === "required" ? "any" : "auto" };
	}
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
		input_schema: schema === null ? { type: "object", additionalProperties: true } : inputSchema(schema),
	};
}
