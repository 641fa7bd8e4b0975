/** The outcome of something that may fail for a reason worth telling. */
export type Result<T, E> = {ok: true; value: T} | {ok: false; error: E};

export function ok<T>(value: T): {ok: true; value: T} {
  return {ok: true, value};
}

export function failure<E>(error: E): {ok: false; error: E} {
  return {ok: false, error};
}
