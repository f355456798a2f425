// Whether a master key can be guessed: what the gateway derives from it is only as secret as the key. Leaves the wording's place in a
// file to whoever reads it.

/** Of random characters: with the letters and digits of `sk-` keys 20 are more than 100 bits. */
const SHORTEST = 20;
const FEWEST_DIFFERENT = 10;
/** Words of examples and habit. What a key has besides them must be long enough by itself. */
const WORDS =
	/warmpath|litellm|openai|anthropic|claude|proxy|gateway|master|secret|password|passwd|admin|root|token|change[-_]?me|replace[-_]?me|example|sample|dummy|test|demo|local|your|my|key|api|prod|dev|staging|team|company|please|value|this|20\d\d|qwerty|letmein|welcome/gi;
const RUNS = ["0123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm"];
const RUN_LENGTH = 4;

/** Why this key can be guessed; null = nothing is seen that makes it easy. */
export function whyGuessable(key: string): string | null {
	const secret = key.replace(/^sk-/, "");
	if (secret.length < SHORTEST) return `has only ${secret.length} characters after sk-`;
	const different = new Set(secret).size;
	if (different < FEWEST_DIFFERENT) return `has only ${different} different characters`;
	const rest = withoutRuns(secret.replace(WORDS, "").replace(/[-_.\s]/g, ""));
	if (rest.length < SHORTEST / 2) return "is made of common words and sequences";
	return null;
}

/** Without `1234`, `abcd`, `4321` and the like. */
function withoutRuns(text: string): string {
	let rest = "";
	for (let at = 0; at < text.length; ) {
		const piece = text.slice(at, at + RUN_LENGTH).toLowerCase();
		const backwards = [...piece].reverse().join("");
		const isRun = piece.length === RUN_LENGTH && RUNS.some((run) => run.includes(piece) || run.includes(backwards));
		if (!isRun) rest += text[at];
		at += isRun ? RUN_LENGTH : 1;
	}
	return rest;
}
