import {asSentence} from '../../base/text';
import {formatBytes, plural} from '../../base/units';
import {guestKindNamed} from '../../model/map/kinds';
import {inFile} from '../../model/map/place';
import {firstSpan} from '../../model/writerange';
import type {GuestClusterView, GuestEntry, Info} from '../../protocol/protocol.gen';
import {useController} from '../app-context';
import {Fact} from '../facts';
import {showInHex} from '../hex/go';
import {writeHere} from '../lab/write-here';
import {Hex, ImageText, WithHex} from '../text';
import {useGuestLooks} from './guest-looks';
import {FillSwatch} from '../swatch';
import {Subclusters} from './subclusters';

/** What each layer says of a guest cluster. */
export function GuestFacts({view, info}: {view: GuestClusterView; info: Info}) {
  const looks = useGuestLooks(info);
  const look = looks.find(({index}) => index === guestKindNamed(view.kind));
  return (
    <>
      {look !== undefined && (
        <>
          <p class="owner-line">
            <FillSwatch fill={look.fill} texture={look.texture} /> <strong>{look.label}</strong>
          </p>
          <p>{look.meaning}</p>
        </>
      )}
      <dl class="facts">
        <Fact name="Offset on the disk">
          <Hex text={view.guest} />
        </Fact>
        <Fact name="Length">{formatBytes(view.length)}</Fact>
      </dl>
      {view.entries[0]?.layer === 0 && <WriteHere view={view} info={info} />}
      {view.subclusters.length > 0 && <Subclusters states={view.subclusters} clusterSize={info.clusterSize} />}
      <h4>Which entry says so</h4>
      <ul class="entries">
        {view.entries.map((entry) => (
          <Entry key={entry.layer} entry={entry} info={info} />
        ))}
      </ul>
      {view.same > 0 && <p class="muted">{view.same === 1 ? 'One other layer says' : `${plural(view.same, 'other layer')} say`} the same.</p>}
      {view.moreEntries && <p class="muted">There are more.</p>}
    </>
  );
}

/** The way to the Lab, for the layer that a guest writes to. */
function WriteHere({view, info}: {view: GuestClusterView; info: Info}) {
  const controller = useController();
  const start = Number(view.guest);
  const show = () => {
    const {offset, length} = firstSpan({size: view.length, clusterSize: info.clusterSize, extended: info.extendedL2});
    writeHere(controller, {offset: start + offset, length}, info.clusterSize);
  };
  return (
    <button type="button" class="quiet" onClick={show}>
      What would a write here do?
    </button>
  );
}

function Entry({entry, info}: {entry: GuestEntry; info: Info}) {
  const controller = useController();
  const {at, host} = entry;
  return (
    <li>
      <p>
        <strong>
          <ImageText text={asSentence(entry.name)} />
        </strong>
        : <Hex text={entry.field} />
        <WithHex words=" holds " text={entry.entry} />
        <WithHex words=", subclusters " text={entry.bitmap} />
      </p>
      {entry.bits.length > 0 && (
        <dl class="bits">
          {entry.bits.map(({name, value}) => (
            <Fact key={name} name={name}>
              <Hex text={value} />
            </Fact>
          ))}
        </dl>
      )}
      <p class="row">
        {host !== '' && info.dataFile === '' && (
          <button type="button" class="quiet" onClick={() => controller.change({selected: inFile(Math.floor(Number(host) / info.clusterSize))})}>
            Its cluster in the file<span class="hidden">, {host}</span>
          </button>
        )}
        {at !== '' && (
          <button type="button" class="quiet" onClick={() => showInHex(controller, BigInt(at))}>
            The entry in Hex<span class="hidden">, {at}</span>
          </button>
        )}
      </p>
    </li>
  );
}
