import {formatCount} from '../base/units';
import {clusterOf} from '../model/findings';
import type {ClusterView, FindingView, HexFieldReply, Info, JudgeReply} from '../protocol/protocol.gen';
import {useController, useLoaded} from './app-context';
import {Bits} from './hex/bits';
import {Claims} from './inspector/host-cluster';
import {ProblemText} from './problem';
import {SeveritySign} from './signs';
import {Hex, ImageText} from './text';

interface EvidenceProps {
  finding: FindingView;
  /** In its group. */
  index: number;
  info: Info;
}

/** What speaks for the finding: the value against what was counted, the entry's bits, who refers to it, what was judged. */
export function Evidence({finding, index, info}: EvidenceProps) {
  const controller = useController();
  const cluster = clusterOf(finding, info.clusterSize);
  const loaded = useLoaded(finding.id, async () => {
    const [field, owner, judged] = await Promise.all([
      finding.at === '' ? null : controller.engine.call('hexField', {offset: finding.at, other: false}),
      cluster === null || cluster >= info.hostClusters ? null : controller.engine.call('cluster', {cluster}),
      controller.engine.call('judge', {code: finding.code, index}),
    ]);
    return judged.ok
      ? {ok: true, value: {field: field?.ok === true ? field.value : null, owner: owner?.ok === true ? owner.value : null, judged: judged.value}}
      : judged;
  });
  if (loaded.step !== 'loaded') {
    return loaded.step === 'failed' ? <ProblemText problem={loaded.problem} /> : <p class="muted">Gathering.</p>;
  }
  const {field, owner, judged} = loaded.value;
  return (
    <div class="evidence">
      <Values finding={finding} field={field} owner={owner} />
      {field !== null && field.bits.length > 0 && <Bits bits={field.bits} />}
      {owner !== null && (
        <div>
          <Claims view={owner} info={info} />
        </div>
      )}
      {judged.judged && <Judgement judged={judged} />}
    </div>
  );
}

interface ValuesProps {
  finding: FindingView;
  field: HexFieldReply | null;
  owner: ClusterView | null;
}

/** What is stored against what should be. */
function Values({finding, field, owner}: ValuesProps) {
  const rows: {name: string; value: string; differs: boolean}[] = [];
  const counts = finding.field.startsWith('refcount[') && owner !== null;
  if (finding.got !== '' && !counts) {
    rows.push({name: 'The field holds', value: finding.got, differs: false});
  }
  if (finding.want !== '' && finding.want !== finding.got && !counts) {
    rows.push({name: 'It should hold', value: finding.want, differs: true});
  }
  if (owner !== null) {
    const name = `Cluster ${formatCount(owner.cluster)}: `;
    rows.push({name: `${name}refcount stored`, value: owner.stored, differs: false});
    rows.push({name: `${name}references counted`, value: owner.counted, differs: owner.stored !== owner.counted});
    rows.push({name: `${name}what it is`, value: owner.ownerText, differs: false});
  }
  return (
    <table class="values">
      <tbody>
        {rows.map(({name, value, differs}) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>
              <ImageText text={value} />
              {differs && <span class="differs"> differs</span>}
            </td>
          </tr>
        ))}
        {field !== null && field.bytes !== '' && (
          <tr>
            <th scope="row">Its bytes</th>
            <td class="mono">{field.bytes.replaceAll(/(..)(?=.)/g, '$1 ')}</td>
          </tr>
        )}
        {field !== null && field.field.meaning !== '' && (
          <tr>
            <th scope="row">Read as</th>
            <td>
              <ImageText text={field.field.meaning} />
            </td>
          </tr>
        )}
      </tbody>
    </table>
  );
}

/** Where a damaged pointer may have led, and what speaks for and against each place. */
function Judgement({judged}: {judged: JudgeReply}) {
  return (
    <div>
      <h4>Where it may have led</h4>
      <p>{judged.verdict}</p>
      {judged.tries.length > 0 && (
        <ul class="tries">
          {judged.tries.map((tried) => (
            <li key={tried.host} class={tried.fits ? 'fits' : undefined}>
              <p>
                <SeveritySign severity={tried.fits ? 'none' : 'note'} /> <strong>{tried.fits ? 'Fits' : 'Does not fit'}:</strong> host <Hex text={tried.host} />{' '}
                <span class="muted">if {tried.how}</span>
              </p>
              <p class="muted">{tried.facts.join(', ')}.</p>
            </li>
          ))}
        </ul>
      )}
      {judged.ruledOut > 0 && (
        <p class="muted">{formatCount(judged.ruledOut)} more were ruled out: they lie past the end of the file or across clusters.</p>
      )}
    </div>
  );
}
