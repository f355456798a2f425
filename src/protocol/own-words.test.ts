// Whose words an error's message holds: the server's own are read, those it quotes of the client's are not.
import { expect, test } from "vitest";
import { isOfMember, ownWords } from "./own-words.ts";

test.each([
	[
		"Invalid value: 'Your credit balance is too low'. Supported values are: 'auto'.",
		"Invalid value: …. Supported values are: 'auto'.",
	],
	['Unexpected "this organization has been disabled" in tools', "Unexpected … in tools"],
	['Unexpected "he said \\"credit balance is too low\\" twice" here', "Unexpected … here"],
	["Unknown tool `prompt is too long`", "Unknown tool …"],
	[
		"type=x, input_value={'content': \"it's my usage limit\"}, input_type=dict",
		"type=x, input_value={'content': …}, input_type=dict",
	],
	["value 'it's too long' is wrong", "value … is wrong"],
])("%s: what is quoted is left out", (message, own) => {
	expect(ownWords(message)).toBe(own);
});

test.each([
	"You don't have access to the model with the user's id.",
	"input length and `max_tokens` exceed context limit: 5 > 4, decrease input length or `max_tokens` and try again",
	'The model "a" is not in "b" or "c"',
	"data retention mode 'default' is not available for this model",
	"input length and `max_tokens` exceed context limit",
	'litellm.BadRequestError: {"type":"error","error":{"message":"Your credit balance is too low"}}',
	"Error code: 400 - {'error': {'message': \"This model's maximum context length is 5 tokens\", 'code': 'x'}}",
])("%s: names, apostrophes and an upstream's wrapped message stay", (message) => {
	expect(ownWords(message)).toBe(message);
});

test.each([
	["messages.0.content.0.text: x", true],
	["messages: at least one message is required", true],
	["Invalid 'tools[0].function.name': string too long", true],
	["1 validation error for ChatCompletionRequest", true],
	["ValidationException: messages.0: x", true],
	["metadata.user_id: x", true],
	["Malformed input request: #/tools/0: x, please reformat your input and try again.", true],
	["input length and `max_tokens` exceed context limit", false],
	["User location is not supported for the API use.", false],
	["Invalid API key", false],
	["Input is too long.", false],
	["System is busy", false],
	["Unable to download the file. The server replied: 403 invalid API key", true],
	["Connection error while communicating with MCP server: Forbidden", true],
	["Invalid image URL: location is not supported", true],
	["Failed to load model", false],
])("%s is about a member with the client's text: %s", (message, is) => {
	expect(isOfMember(message)).toBe(is);
});

test.each([
	'"'.repeat(9_000),
	"' ".repeat(9_000),
	'"a '.repeat(9_000),
	"'a\\'".repeat(9_000),
	`'${"a 'b".repeat(9_000)}`,
	`"${" ".repeat(9_000)}`,
	`'${" ".repeat(9_000)}`,
	`"${"\\ ".repeat(9_000)}`,
])("a long text of nothing but quotes is read all the same", (message) => {
	expect(ownWords(message).length).toBeLessThanOrEqual(4_096);
});
