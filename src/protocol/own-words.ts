// What of an error's message is the server's own: servers quote the client's text, which may say anything. Leaves what the words mean to the
// tables that read them.

/** Words beyond this are not looked through, characters. */
const LONGEST = 4096;

/**
 * Quoted text of more than one word. The quote of a member `message` stays: proxies wrap an upstream's error in their own so. An apostrophe
 * inside a word opens nothing.
 */
const QUOTED =
	/(?<!message["']?\s*[:=]\s*)(?:"(?:[^"\\]|\\.)*\s(?:[^"\\]|\\.)*"|(?<!\w)'(?:[^'\\]|\\.|'(?=\w))*\s(?:[^'\\]|\\.|'(?=\w))*'(?!\w)|`[^`]*\s[^`]*`|“[^”]*\s[^”]*”|«[^»]*\s[^»]*»)/g;

/** The message without what it quotes. */
export function ownWords(message: string): string {
	return message.slice(0, LONGEST).replace(QUOTED, "…");
}

/** `messages.0.content: …`, `Invalid 'tools[0].function.name': …`, `1 validation error for …`: a member that holds the client's text. */
const OF_MEMBER =
	/^(?:\w+(?:Exception|Error): )?(?:(?:invalid|unsupported|missing|unknown)\b[\w ]*:? ?)?['"`]?(?:body\.)?(?:messages|tools|functions|system|metadata|tool_choice|input|contents|prompt|stop_sequences|stop|user)['"`]?(?:[.[]|['"`]?:\s)|^\d+ (?:request )?validation errors?\b/i;

/** Whether the message is about a member of the request that holds the client's own text. */
export function isOfMember(message: string): boolean {
	return OF_MEMBER.test(message);
}
