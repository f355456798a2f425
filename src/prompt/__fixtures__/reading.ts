// What the prompt tests share: a reader with a fixed seed, and ways to look at what it answers.
import { GatewayError } from "../../errors.ts";
import { createHasher, type Outline, outline } from "../outline.ts";
import { encode, type Json } from "./claude-code.ts";

const hasher = await createHasher({ first: 0x0123_4567_89ab_cdefn, second: 0xfedc_ba98_7654_3210n });

export const options = { hasher };

/** Outline of a body given as bytes, as text, or as a value. */
export function read(body: Buffer | Json): Outline {
	return outline(Buffer.isBuffer(body) ? body : encode(body), options);
}

/** Outline of a JSON text. */
export function readText(text: string): Outline {
	return outline(Buffer.from(text), options);
}

/** Every prefix's fingerprint, in order. */
export function fingerprints({ chain }: Outline): string[] {
	return Array.from(chain.high, (high, i) => `${high.toString(16)}-${(chain.low[i] ?? 0).toString(16)}`);
}

/** The code and message of the error that `run` throws. */
export function faultOf(run: () => unknown): { code: string; message: string } | null {
	try {
		run();
	} catch (error) {
		if (error instanceof GatewayError) return { code: error.code, message: error.message };
		throw error;
	}
	return null;
}
