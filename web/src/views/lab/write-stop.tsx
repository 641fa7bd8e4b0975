import type {WriteStop} from '../../protocol/protocol.gen';
import {Fact} from '../facts';
import {SeveritySign} from '../signs';
import {Hex, ImageText, Prose} from '../text';

/** Why QEMU does not do it. */
export function StopText({stop}: {stop: WriteStop}) {
  const places: [string, string][] = [
    ['Guest cluster', stop.guest],
    ['Entry at', stop.at],
    ['It holds', stop.entry === '' ? '' : `0x${stop.entry}`],
    ['Bitmap', stop.bitmap === '' ? '' : `0x${stop.bitmap}`],
  ];
  const known = places.filter(([, value]) => value !== '');
  return (
    <div class="lab-blocked" role="group" aria-label="Why it stops">
      <h3>
        <SeveritySign severity="warning" /> <ImageText text={stop.title} />
      </h3>
      {stop.why !== '' && (
        <p>
          <Prose text={stop.why} />
        </p>
      )}
      {stop.cure !== '' && (
        <p>
          <Prose text={stop.cure} />
        </p>
      )}
      {known.length > 0 && (
        <dl class="w-facts">
          {known.map(([name, value]) => (
            <Fact key={name} name={name}>
              <Hex text={value} />
            </Fact>
          ))}
        </dl>
      )}
    </div>
  );
}
