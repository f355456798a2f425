// LiteLLM's numbers per class of errors (retry_policy, allowed_fails_policy): how they are written, and what they amount to.
import * as z from "zod";
import { integer } from "./fields.ts";
import { type ErrorClass, type ErrorClassCounts, NO_COUNTS } from "./schema.ts";

/** LiteLLM's names of the classes, as its options begin. */
const NAMES: Readonly<Record<ErrorClass, string>> = {
	badRequest: "BadRequestError",
	authentication: "AuthenticationError",
	timeout: "TimeoutError",
	rateLimit: "RateLimitError",
	contentPolicyViolation: "ContentPolicyViolationError",
	internalServer: "InternalServerError",
	serviceUnavailable: "ServiceUnavailableError",
	notFound: "NotFoundError",
};
const CLASSES = Object.keys(NAMES) as ErrorClass[];

const count = () => integer({ min: 0, max: 1_000_000 }).optional();

type Options = Record<string, ReturnType<typeof count>>;

function optionsOf(ending: "Retries" | "AllowedFails", purpose: string): Options {
	return Object.fromEntries(
		CLASSES.map((name) => [`${NAMES[name]}${ending}`, count().describe(`${purpose} a ${NAMES[name]}.`)]),
	);
}

const retries: Options = {
	...optionsOf("Retries", "Retries after"),
	DefaultRetries: count().describe("Retries after errors whose own option is not given."),
};

/** `retry_policy`: `{RateLimitErrorRetries: 3, DefaultRetries: 1}`. */
export const retriesSchema = z
	.strictObject(retries)
	.transform((written) => countsOf((name) => written[`${name}Retries`] ?? written["DefaultRetries"]));

/** `allowed_fails_policy`: `{TimeoutErrorAllowedFails: 10}`. */
export const allowedFailsSchema = z
	.strictObject(optionsOf("AllowedFails", "Failures within a minute that do not cool a deployment down, by"))
	.transform((written) => countsOf((name) => written[`${name}AllowedFails`]));

function countsOf(read: (name: string) => number | undefined): ErrorClassCounts {
	const counts: Record<ErrorClass, number | null> = { ...NO_COUNTS };
	for (const name of CLASSES) counts[name] = read(NAMES[name]) ?? null;
	return counts;
}
