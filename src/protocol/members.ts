// Where the members stand in a Messages body that differ from platform to platform. Finding them is prompt's business, changing them protocol/edit's.

/** One member of a JSON object, as byte positions in its text, ends exclusive. */
export interface Member {
	/** The opening quote of its key. */
	readonly keyStart: number;
	/** Its value, quotes included where it is a string. */
	readonly start: number;
	readonly end: number;
}

/** The top-level members of a Messages body that another platform's format has not, or says elsewhere; null = not sent. */
export interface BodyMembers {
	readonly model: Member | null;
	readonly stream: Member | null;
	/** `anthropic_version`: Bedrock and Vertex, where the Messages API has a header. */
	readonly anthropicVersion: Member | null;
	/** `anthropic_beta`: Bedrock, where the Messages API has a header. */
	readonly anthropicBeta: Member | null;
	/** Every top-level member in its order, three offsets each as in `Member`: for what only some platform takes (`membersNamed`). */
	readonly all: readonly number[];
}

/** What is known of the messages without looking at them again. */
export interface History {
	/** Where the last one stands; null = there is none. */
	readonly last: Pick<Member, "start" | "end"> | null;
	/** Some may hold what no Claude said or takes: thinking without its signature, foreign ids of tool calls, blank text. */
	readonly isOdd: boolean;
}

/** Of a body without any of them. */
export const NO_MEMBERS: BodyMembers = {
	model: null,
	stream: null,
	anthropicVersion: null,
	anthropicBeta: null,
	all: [],
};

/** The top-level members of this name, JSON escapes in keys resolved; more than one where the name is repeated. */
export function membersNamed(body: Buffer, { all }: Pick<BodyMembers, "all">, name: string): Member[] {
	const found: Member[] = [];
	for (let at = 0; at + 2 < all.length; at += 3) {
		const keyStart = all[at] as number;
		if (keyAt(body, keyStart) === name)
			found.push({ keyStart, start: all[at + 1] as number, end: all[at + 2] as number });
	}
	return found;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The string that opens at `from`, decoded. */
export function keyAt(body: Buffer, from: number): string {
	let at = from + 1;
	let isEscaped = false;
	for (; at < body.length && body[at] !== QUOTE; at++) {
		if (body[at] !== BACKSLASH) continue;
		isEscaped = true;
		at++;
	}
	return isEscaped ? String(JSON.parse(body.toString("utf8", from, at + 1))) : body.toString("utf8", from + 1, at);
}
