import type {HexBits} from '../../protocol/protocol.gen';

/** The bits of the field by their names. */
export function Bits({bits}: {bits: readonly HexBits[]}) {
  return (
    <table class="bits">
      <caption>Bits</caption>
      <tbody>
        {bits.map((part) => (
          <tr key={part.high} class={part.wrong ? 'wrong' : undefined}>
            <th scope="row" class="mono">
              {part.high === part.low ? part.high : `${part.high}\u2013${part.low}`}
            </th>
            <td>
              {part.name}
              {part.wrong && <strong> (must be 0)</strong>}
            </td>
            <td class="mono number">{part.value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
