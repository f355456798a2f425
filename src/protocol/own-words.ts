// What of an error's message is the server's own: servers quote the client's text, which may say anything. Leaves what the words mean to the
// tables that read them.

/** Words beyond this are not looked through, characters. */
const LONGEST = 4096;

/** Quoted text, all of it in turn, so that no closing quote is taken for an opening one. An apostrophe inside a word opens nothing. */
const QUOTED = /"(?:[^"\\]|\\.)*"|(?<!\w)'(?:[^'\\]|\\.|'(?=\w))*'(?!\w)|`[^`]*`|“[^”]*”|«[^»]*»/g;

/** What a proxy puts before the words of an upstream that it wraps in its own. */
const WRAPS = /message["']?\s{0,4}[:=]\s{0,4}$/;

/** The message without what it quotes: names, which have no space in them, and an upstream's wrapped message stay. */
export function ownWords(message: string): string {
	const read = message.slice(0, LONGEST);
	return read.replace(QUOTED, (quoted, at: number) => {
		return !/\s/.test(quoted) || WRAPS.test(read.slice(Math.max(0, at - 24), at)) ? quoted : "…";
	});
}

/** What the client's request points at, and what its server answered: a file by its address, an MCP server. */
const OF_ELSEWHERE =
	/\bMCP (?:server|connector|connection|tool)|\b(?:download|fetch|retriev|load)\w*\b.{0,40}\b(?:files?|images?|url|urls|documents?|media|content)\b|\b(?:image|file|document|media) url\b/i;

/** `messages.0.content: …`, `Invalid 'tools[0].function.name': …`, `1 validation error for …`: a member that holds the client's text. */
const OF_MEMBER =
	/^(?:\w+(?:Exception|Error): )?(?:(?:invalid|unsupported|missing|unknown)\b[\w ]*:? ?)?['"`]?(?:body\.)?(?:messages|tools|functions|system|metadata|mcp_servers|container|context_management|output_config|output_format|response_format|instructions|thinking|tool_choice|input|contents|prompt|stop_sequences|stop|user)['"`]?(?:[.[]|['"`]?:\s)|^\d+ (?:request )?validation errors?\b|^malformed input request\b/i;

/** Whether the message is about a member of the request that holds the client's own text, or about what such a member points at. */
export function isOfMember(message: string): boolean {
	return OF_MEMBER.test(message) || OF_ELSEWHERE.test(message);
}
