// Makes a configuration unchangeable. Leaves nothing to others.

const REFUSE = (): never => {
	throw new TypeError("the configuration cannot be changed");
};

/** Freezes a value and everything it holds, maps included, and returns it. */
export function freezeDeep<T>(value: T): T {
	if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
	if (value instanceof Map) {
		for (const entry of value.values()) freezeDeep(entry);
		// Object.freeze does not reach what a Map holds.
		Object.defineProperties(value, { set: { value: REFUSE }, delete: { value: REFUSE }, clear: { value: REFUSE } });
	}
	Object.freeze(value);
	for (const entry of Object.values(value)) freezeDeep(entry);
	return value;
}
