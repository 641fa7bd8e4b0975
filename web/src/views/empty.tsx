import type {ComponentChildren} from 'preact';
import {formatBytes} from '../base/units';
import {unexpected} from '../engine/problems';
import {linkWords} from '../model/link';
import type {Sample} from '../state/samples';
import {loadSamples} from '../state/samples';
import {useController, useLoaded, useStore} from './app-context';
import {ChooseImage} from './choose';
import {Fact} from './facts';
import {SignIn} from './fleet/sign-in';
import {Icon} from './signs';

/** The page before there is an image. */
export function EmptyPanel() {
  return (
    <div class="welcome">
      <section class="card drop-zone" aria-labelledby="welcome">
        <MapMotif />
        <h2 id="welcome">Is your virtual disk damaged? Look inside.</h2>
        <p class="lead">
          Drop a qcow2 image anywhere on this page. You see what is wrong in plain words, where it is, and what a repair
          would change, byte by byte. Then you save a repaired copy.
        </p>
        <WaitingLink />
        <ChooseImage prominent />
      </section>
      <ul class="assurances">
        <Assurance icon="computer" title="It stays on this computer.">
          The image is read here, in this tab. Nothing is uploaded; you can go offline now.
        </Assurance>
        <Assurance icon="shield" title="Your file is never changed.">
          A repair happens in memory. You get a copy, and the original stays as it is.
        </Assurance>
        <Assurance icon="pause" title="Stop the virtual machine first.">
          A disk in use changes while it is read. And if you can, keep a backup.
        </Assurance>
      </ul>
      <SignIn />
      <Samples />
      <Questions />
    </div>
  );
}

/** Whoever has opened a link to a place is told what it waits for. */
function WaitingLink() {
  const link = useStore(useController().links.waiting);
  return link === null ? null : (
    <p class="waiting-link" role="note">
      The link that you opened leads to <strong>{linkWords(link)}</strong>. Links hold no file: choose the image that it was made for.
    </p>
  );
}

interface AssuranceProps {
  icon: 'computer' | 'shield' | 'pause';
  title: string;
  children: ComponentChildren;
}

function Assurance({icon, title, children}: AssuranceProps) {
  return (
    <li>
      <Icon name={icon} />
      <div>
        <strong>{title}</strong> {children}
      </div>
    </li>
  );
}

const asProblem = (text: string) => unexpected(text);

function Samples() {
  const loaded = useLoaded('samples', async () => {
    const samples = await loadSamples();
    return samples.ok ? samples : {ok: false, error: asProblem(samples.error)};
  });
  switch (loaded.step) {
    case 'loading':
      return null;
    case 'failed':
      return <p class="samples-missing">The samples could not be loaded; your own images can still be opened.</p>;
    case 'loaded':
      return (
        <section class="samples" aria-labelledby="samples">
          <h2 id="samples">No image at hand? Try one of these</h2>
          <ul>
            {loaded.value.map((sample) => (
              <SampleCard key={sample.id} sample={sample} />
            ))}
          </ul>
        </section>
      );
  }
}

function SampleCard({sample}: {sample: Sample}) {
  const controller = useController();
  return (
    <li>
      <button type="button" class="sample" aria-label={sample.title} onClick={() => void controller.openSample(sample)}>
        <span class="sample-title">{sample.title}</span>
        <span class="sample-story">{sample.story}</span>
        <span class="sample-size">{formatBytes(sample.size)}</span>
      </button>
    </li>
  );
}

/** Where programs keep their disks by default. */
const PLACES: readonly {program: string; place: string; note?: string}[] = [
  {
    program: 'UTM',
    place: '~/Library/Containers/com.utmapp.UTM/Data/Documents/NAME.utm/Data/',
    note: 'In UTM: right-click the machine, Show in Finder; then right-click the file, Show Package Contents.',
  },
  {
    program: 'Multipass on macOS',
    place: '/var/root/Library/Application Support/multipassd/qemu/vault/instances/NAME/',
    note: 'Only the administrator may read it: copy the image out with sudo.',
  },
  {program: 'Multipass on Linux', place: '/var/snap/multipass/common/data/multipassd/vault/instances/NAME/'},
  {program: 'Lima', place: '~/.lima/NAME/diffdisk'},
  {program: 'virt-manager, libvirt', place: '/var/lib/libvirt/images/'},
  {program: 'GNOME Boxes', place: '~/.local/share/gnome-boxes/images/'},
  {program: 'Proxmox VE', place: '/var/lib/vz/images/ID/'},
];

function Questions() {
  return (
    <div class="questions">
      <details>
        <summary>Where is my disk?</summary>
        <dl class="places">
          {PLACES.map(({program, place, note}) => (
            <Fact key={program} name={program}>
              <code>{place}</code>
              {note !== undefined && <span> {note}</span>}
            </Fact>
          ))}
        </dl>
      </details>
      <details>
        <summary>How can I be sure that nothing is uploaded?</summary>
        <p>
          This page carries a rule for your browser that forbids it to talk to any other server. You can also disconnect
          from the network now: everything still works. Or open the developer tools of your browser, look at the network
          tab, and see that it stays empty while an image is checked.
        </p>
      </details>
      <details>
        <summary>How large may an image be?</summary>
        <p>
          Only the tables are read, never the data, so the size of the file matters little: an image of 1&nbsp;TiB takes
          seconds. A check needs about 8 bytes of memory for each cluster of the file, and a repair twice as many: 128 and
          256&nbsp;MiB for 1&nbsp;TiB in clusters of 64&nbsp;KiB.
        </p>
      </details>
    </div>
  );
}

/** A small host map, as a picture. */
function MapMotif() {
  const rows = ['ohrmaaaa', 'aaaaamaa', 'asssaXaa', 'aaaasaaf', 'aamaffff'];
  return (
    <svg class="motif" viewBox="0 0 128 80" aria-hidden="true">
      {rows.flatMap((row, y) =>
        Array.from(row, (kind, x) =>
          kind === 'X' ? (
            <g key={`${x} ${y}`} transform={`translate(${x * 16} ${y * 16})`}>
              <rect class="a" x="1" y="1" width="14" height="14" rx="2" />
              <circle class="pin-rim" cx="8" cy="8" r="9.5" />
              <path class="pin" transform="translate(-.5 -.5) scale(1.06)" fill-rule="evenodd" d="M8 .8a7.2 7.2 0 1 0 0 14.4A7.2 7.2 0 0 0 8 .8z M5.3 4.1 8 6.8l2.7-2.7 1.2 1.2L9.2 8l2.7 2.7-1.2 1.2L8 9.2l-2.7 2.7-1.2-1.2L6.8 8 4.1 5.3z" />
            </g>
          ) : (
            <rect key={`${x} ${y}`} class={kind} x={x * 16 + 1} y={y * 16 + 1} width="14" height="14" rx="2" />
          ),
        ),
      )}
    </svg>
  );
}
