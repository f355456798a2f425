// Where exceptions of callbacks end up. Whatever is called by a socket, a timer or a stream runs behind this: thrown into Node's event loop
// an exception would end the process, and with it everybody's answers. Leaves what becomes of the request to proxy/exchange.

/** Receives what a callback threw. Must not throw itself. */
export type OnFault = (error: unknown) => void;

/** The callback, with its exceptions given to `onFault` instead of thrown. */
export function guarded<Given extends readonly unknown[]>(
	onFault: OnFault,
	callback: (...given: Given) => void,
): (...given: Given) => void {
	return (...given) => {
		try {
			callback(...given);
		} catch (error) {
			onFault(error);
		}
	};
}

/** Does what may be done without; its exception changes nothing. */
export function attempted(step: () => void): boolean {
	try {
		step();
		return true;
	} catch {
		return false;
	}
}
