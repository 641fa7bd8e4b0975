/** For the branch of a switch that the types rule out: a new case then fails to compile. */
export function unreachable(value: never): never {
  throw new Error(`unexpected case: ${JSON.stringify(value)}`);
}
