import {useState} from 'preact/hooks';
import {formatBytes, formatDecimalBytes, formatShare} from '../../base/units';
import {severityNamed} from '../../model/severity';
import type {LayersChainReply, LayersFall, LayersLink} from '../../protocol/protocol.gen';
import {useController, useLoaded} from '../app-context';
import {SeverityTag} from '../signs';
import {ImageText} from '../text';
import {GuestBytes} from './guest-bytes';
import {Outside} from './outside';
import type {Giving} from './outside';
import {usePieces} from './use-scan';
import type {Progress} from './use-scan';

/** The image and the files beside it that it names, from it down: each can be given, and the disk is read through them. */
export function Chain() {
  const {engine} = useController();
  const first = useLoaded('chain', () => engine.call('layersChain', undefined));
  return first.step === 'loaded' ? <Links first={first.value} /> : null;
}

function Links({first}: {first: LayersChainReply}) {
  const {engine, writing} = useController();
  const [chain, setChain] = useState(first);
  const [turn, setTurn] = useState(0);
  const [refused, setRefused] = useState<{link: number; data: boolean; why: string} | null>(null);
  const fall = usePieces(`fall ${turn}`, () => engine.call('layersFall', undefined));
  const next = (reply: LayersChainReply) => {
    setChain(reply);
    setTurn(turn + 1);
    setRefused(null);
    writing.besides.update((count) => count + 1);
  };
  const give = async (link: number, data: boolean, file: File) => {
    const reply = await engine.attachBeside(file, link, data);
    if (!reply.ok) {
      setRefused({link, data, why: `${reply.error.title} ${reply.error.advice}`});
    } else if (reply.value.attached) {
      next(reply.value.chain);
    } else {
      setRefused({link, data, why: reply.value.refused});
    }
  };
  const take = async (link: number, data: boolean) => {
    const reply = await engine.call('layersDetach', {link, data});
    if (reply.ok) {
      next(reply.value);
    }
  };
  return (
    <div class="card">
      <h3>Other files that this image depends on</h3>
      <p class="muted">
        QEMU opens these together with the image. You can add them here to read the disk through them; they are only read.
      </p>
      <ol class="chain">
        {chain.links.map((link, i) => {
          const giving: Giving = {
            give: (data, file) => void give(i, data, file),
            take: (data) => void take(i, data),
            refused: (data) => (refused?.link === i && refused.data === data ? refused.why : ''),
          };
          return <Link key={i} link={link} number={i} fall={fall} giving={giving} />;
        })}
      </ol>
      <Nobody fall={fall} open={chain.open} />
      <GuestBytes key={turn} names={chain.links.map(({name}) => name)} />
    </div>
  );
}

interface LinkProps {
  link: LayersLink;
  number: number;
  fall: Progress<LayersFall>;
  giving: Giving;
}

function Link({link, number, fall, giving}: LinkProps) {
  const {name, format, fileSize, virtual: disk, outside, notes} = link;
  return (
    <li>
      <div class="link">
        <h4>
          <span class="badge">{number === 0 ? 'this image' : `below it, ${number}`}</span>
          <ImageText text={name} />
        </h4>
        <p class="muted">
          {format}, disk {formatDecimalBytes(disk)}
          {number > 0 && `, file ${formatBytes(fileSize)}`}
        </p>
        <Decides fall={fall} number={number} />
        {notes.map(({severity, text}) => (
          <p key={text} class="note">
            <SeverityTag severity={severityNamed(severity)} /> <ImageText text={text} />
          </p>
        ))}
      </div>
      {outside.map((named) => (
        <Outside key={String(named.data)} outside={named} giving={giving} />
      ))}
    </li>
  );
}

/** How much of the disk a file decides. */
function Decides({fall, number}: {fall: Progress<LayersFall>; number: number}) {
  if (fall.step !== 'done') {
    return fall.step === 'going' ? (
      <progress aria-label="Which file decides what the guest reads" max={1} value={fall.share} />
    ) : null;
  }
  const bytes = fall.value.links[number] ?? 0;
  return (
    <div class="decides">
      <div class="share" aria-hidden="true">
        <i style={{width: `${(100 * bytes) / Math.max(1, fall.value.total)}%`}} />
      </div>
      <p>
        decides <strong>{formatBytes(bytes)}</strong> of the disk, {formatShare(bytes, fall.value.total)}
      </p>
    </div>
  );
}

/** What no file that is here decides. */
function Nobody({fall, open}: {fall: Progress<LayersFall>; open: boolean}) {
  if (fall.step !== 'done') {
    return null;
  }
  const {zeros, missing, unreadable, total} = fall.value;
  const rest: [string, number][] = [
    ['comes from the file that is not given', open ? missing : 0],
    ['is in no file and reads as zeros', zeros],
    ['cannot be read: the entries that map it are damaged', unreadable],
  ];
  return (
    <ul class="nobody">
      {rest.map(([words, bytes]) =>
        bytes === 0 ? null : (
          <li key={words}>
            <strong>{formatBytes(bytes)}</strong> of the disk, {formatShare(bytes, total)}, {words}.
          </li>
        ),
      )}
    </ul>
  );
}
