// What a caller's key makes of its request: the model its aliases stand for, whether it may ask for it, where it is confined to. Leaves
// the rules to proxy/admission/admission.
import type { Config } from "../../config/schema.ts";
import type { Outline } from "../../prompt/outline.ts";
import { type Asked, asked, type Sender } from "../request.ts";
import type { Admission } from "./admission.ts";
import type { Caller } from "./authenticate.ts";

interface Parts {
	readonly admission: Admission;
	readonly config: Config;
}

/** The outline by the name that the caller's aliases put in. Throws model_not_allowed or key_type_refused. */
export function permitted(read: Outline, caller: Caller, { admission, config }: Parts): Outline {
	const model = admission.rename(caller, read.model);
	admission.authorise(caller, model, config);
	return model === read.model ? read : { ...read, model };
}

/** What is asked, confined to the caller's cache domains. */
export function askedBy(
	exchange: Sender,
	caller: Caller,
	{ outline, admission }: Pick<Parts, "admission"> & { readonly outline: Outline },
): Asked {
	return asked(exchange, caller, { outline, allowedDomains: admission.allowedDomains(caller) });
}
