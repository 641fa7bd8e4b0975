import {asSentence} from '../../base/text';
import {formatBytes} from '../../base/units';
import {dumpLines} from '../../model/hexdiff';
import {offsetOf} from '../../model/hexgrid';
import {onDisk} from '../../model/map/place';
import {OWNER_FACTS, ownerNamed} from '../../model/owners';
import {severityNamed} from '../../model/severity';
import type {Claim, ClusterView, Info} from '../../protocol/protocol.gen';
import {useController, useLoaded, useStore} from '../app-context';
import {Fact} from '../facts';
import {Fold} from '../fold';
import {ShowBytes} from '../hex/show-bytes';
import {ProblemText} from '../problem';
import {SeverityTag} from '../signs';
import {Subclusters} from './subclusters';
import {Swatch} from '../swatch';
import {Hex, ImageText, WithHex} from '../text';

/** What is known of a host cluster. */
export function HostFacts({view, info}: {view: ClusterView; info: Info}) {
  const owner = ownerNamed(view.owner);
  return (
    <>
      <p class="owner-line">
        <Swatch owner={owner} /> <strong>{OWNER_FACTS[owner].label}</strong>
        {view.severity !== '' && <SeverityTag severity={severityNamed(view.severity)} />}
      </p>
      <p>
        <ImageText text={asSentence(view.ownerText)} />
      </p>
      <dl class="facts">
        <Fact name="Host offset">
          <Hex text={view.host} />
        </Fact>
        <Fact name="Length">{formatBytes(view.length)}</Fact>
        <Fact name="Refcount stored">
          <Hex text={view.stored} />
        </Fact>
        <Fact name="References counted">
          <Hex text={view.counted} />
          {view.stored !== view.counted && <span class="differs"> differs</span>}
        </Fact>
      </dl>
      {view.subclusters.length > 0 && <Subclusters states={view.subclusters} clusterSize={info.clusterSize} />}
      <Claims view={view} info={info} />
      {view.findings.length > 0 && (
        <>
          <h4>Findings here</h4>
          <ul class="finding-list">
            {view.findings.map((finding) => (
              <li key={finding.id}>
                <SeverityTag severity={severityNamed(finding.severity)} /> <ImageText text={finding.what} />
              </li>
            ))}
          </ul>
        </>
      )}
      <FirstBytes cluster={view.cluster} info={info} />
      <ShowBytes offset={offsetOf(view.host)} />
    </>
  );
}

/** The pointers that lead to a cluster. */
export function Claims({view, info}: {view: ClusterView; info: Info}) {
  return (
    <>
      <h4>Who points here</h4>
      {view.claims.length === 0 ? (
        <p class="muted">Nothing.</p>
      ) : (
        <ul class="claims">
          {view.claims.map((claim, i) => (
            <ClaimLine key={i} claim={claim} info={info} />
          ))}
        </ul>
      )}
      {view.moreClaims && <p class="muted">There are more.</p>}
    </>
  );
}

function ClaimLine({claim, info}: {claim: Claim; info: Info}) {
  const controller = useController();
  const show = () => {
    controller.map.change({layer: claim.layer});
    controller.change({selected: onDisk(claim.layer, Math.floor(Number(claim.guest) / info.clusterSize))});
  };
  return (
    <li>
      <ImageText text={claim.from} />: <Hex text={claim.field} />
      <span class="muted">
        <WithHex words=" at " text={claim.at} />
        <WithHex words=", holds " text={claim.entry} />
        <WithHex words=", guest " text={claim.guest} />
      </span>
      {claim.guest !== '' && claim.layer >= 0 && (
        <button type="button" class="quiet" onClick={show}>
          On the disk<span class="hidden">, {claim.guest}</span>
        </button>
      )}
    </li>
  );
}

const SHOWN_BYTES = 256;

/** The bytes themselves: often one sees by them what a cluster really is. */
function FirstBytes({cluster, info}: {cluster: number; info: Info}) {
  return (
    <Fold class="bytes" summary={`First ${SHOWN_BYTES} bytes`}>
      <Bytes offset={cluster * info.clusterSize} />
    </Fold>
  );
}

function Bytes({offset}: {offset: number}) {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const loaded = useLoaded(`${epoch} ${offset}`, () => controller.engine.call('bytes', {offset, length: SHOWN_BYTES}));
  if (loaded.step !== 'loaded') {
    return loaded.step === 'failed' ? <ProblemText problem={loaded.problem} /> : <p class="muted">Reading.</p>;
  }
  return (
    <pre class="dump" tabIndex={0} role="group" aria-label="First bytes of the cluster">
      {dumpLines(loaded.value, offset)
        .map((line) => `${line.offset.toString(16).padStart(8, '0')}  ${line.hex.padEnd(47)}  ${line.text}`)
        .join('\n')}
    </pre>
  );
}
