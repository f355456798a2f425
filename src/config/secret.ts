// A credential that cannot be printed by accident. Leaves where it came from to config/load.

const MASK = "***";

/** Holds a secret string. `toString`, `JSON.stringify` and `util.inspect` all give `***`; only `reveal()` gives the value. */
export class Secret {
	readonly #value: string;

	constructor(value: string) {
		this.#value = value;
	}

	/** The secret itself. Call it only where it goes on the wire or is compared. */
	reveal(): string {
		return this.#value;
	}

	toString(): string {
		return MASK;
	}

	toJSON(): string {
		return MASK;
	}

	[Symbol.for("nodejs.util.inspect.custom")](): string {
		return MASK;
	}
}
