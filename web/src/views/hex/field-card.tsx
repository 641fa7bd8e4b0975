import {formatBytes, formatCount} from '../../base/units';
import {bytesOf, byteText, hexOf, offsetOf} from '../../model/hexgrid';
import {KIND_FACTS} from '../../model/hexkinds';
import type {PageField} from '../../model/hexpages';
import {inFile} from '../../model/map/place';
import {severityNamed} from '../../model/severity';
import type {HexFieldReply, Info} from '../../protocol/protocol.gen';
import {useController, useLoaded} from '../app-context';
import {CopyLink} from '../copy-link';
import {Fact} from '../facts';
import {goTo} from '../go-to';
import {ProblemText} from '../problem';
import {SeverityTag} from '../signs';
import {Swatch} from '../swatch';
import {Hex, ImageText} from '../text';
import {Bits} from './bits';
import {jumpAway, showsBefore} from './use-hex';
import type {HexState} from './use-hex';

interface CardProps {
  state: HexState;
  field: PageField | null;
  info: Info;
}

/** All about the field under the cursor. */
export function FieldCard({state, field, info}: CardProps) {
  return (
    <section class="card field-card" aria-label="Field">
      {field === null ? (
        <>
          <h3>Field</h3>
          <p class="muted">{state.pages.get(state.place.cursor, state.place.other) === undefined ? 'Reading.' : 'This side of the plan ends before here.'}</p>
        </>
      ) : (
        <FieldFacts state={state} field={field} info={info} />
      )}
    </section>
  );
}

function FieldFacts({state, field, info}: {state: HexState; field: PageField; info: Info}) {
  const {name, value, isText, meaning, length} = field.field;
  const {detail, problem} = useDetail(state, field);
  const facts = KIND_FACTS[field.kind];
  return (
    <>
      <p class="owner-line">
        <Swatch owner={facts.owner} /> {facts.label}
        {field.field.severity !== '' && <SeverityTag severity={severityNamed(field.field.severity)} />}
      </p>
      <h3 class="field-name mono">{name}</h3>
      {value !== '' && (
        <p class="field-value mono">{isText ? <>&ldquo;<ImageText text={value} />&rdquo;</> : <ImageText text={value} />}</p>
      )}
      <p>
        <ImageText text={meaning} />
      </p>
      <Follow state={state} field={field} detail={detail} />
      {detail !== null && <Wrongs detail={detail} />}
      {detail !== null && <Sides state={state} detail={detail} />}
      <dl class="facts">
        <Fact name="Offset">
          <Hex text={hexOf(field.start)} />
        </Fact>
        <Fact name="Length">{formatBytes(length)}</Fact>
        {detail !== null && detail.guest !== '' && (
          <Fact name="On the disk">
            <Hex text={detail.guest} />, {formatBytes(Number(detail.guestLength))}
          </Fact>
        )}
      </dl>
      {detail !== null && detail.bits.length > 0 && <Bits bits={detail.bits} />}
      {detail !== null && <From state={state} detail={detail} />}
      <div class="card-actions">
        {detail !== null && <ShowOnMap cluster={detail.cluster} info={info} />}
        <CopyLink panel="hex" />
      </div>
      {problem !== null && <ProblemText problem={problem} />}
    </>
  );
}

/** What the core knows of the field. Until it has answered for a new field, what is shown of the old one is taken away. */
function useDetail(state: HexState, field: PageField) {
  const {engine} = useController();
  const {other} = state.place;
  const loaded = useLoaded(`${state.key} ${field.start} ${other}`, () =>
    engine.call('hexField', {offset: hexOf(field.start), other}),
  );
  return {
    detail: loaded.step === 'loaded' && loaded.value.found ? loaded.value : null,
    problem: loaded.step === 'failed' ? loaded.problem : null,
  };
}

/** The way to where the field points. */
function Follow({state, field, detail}: {state: HexState; field: PageField; detail: HexFieldReply | null}) {
  const to = offsetOf(field.field.to);
  if (to === null) {
    return null;
  }
  if (to >= state.pages.size) {
    return (
      <p class="muted">
        It leads to <Hex text={field.field.to} />, past the end of the file.
      </p>
    );
  }
  return (
    <button type="button" class="follow" onClick={() => jumpAway(state, to)}>
      <span>Follow to {withArticle(field.field.toName)}</span>
      <span class="muted mono">
        {field.field.to}
        {detail !== null && detail.toLength !== '' && `, ${formatBytes(Number(detail.toLength))}`}
      </span>
    </button>
  );
}

/** `the active L1 table`, but `cluster 5`. */
function withArticle(name: string): string {
  return /\d$/.test(name) ? name : `the ${name}`;
}

function Wrongs({detail}: {detail: HexFieldReply}) {
  return detail.findings.length === 0 ? null : (
    <ul class="finding-list">
      {detail.findings.map(({code, severity, title}) => (
        <li key={code}>
          <SeverityTag severity={severityNamed(severity)} /> {title}
        </li>
      ))}
    </ul>
  );
}

/** The field's bytes on both sides of the plan, and why the plan writes them. */
function Sides({state, detail}: {state: HexState; detail: HexFieldReply}) {
  const {plan} = state.pages;
  if (plan === '' || detail.bytes === detail.twin) {
    return null;
  }
  const [before, after] = showsBefore(state) ? [detail.bytes, detail.twin] : [detail.twin, detail.bytes];
  return (
    <div class="diff">
      <p class="mono">
        <span class="side">before</span>
        {before === '' ? <span class="muted">no such byte</span> : <BytesOf hex={before} other={after} tag="del" />}
      </p>
      <p class="mono">
        <span class="side">after</span>
        {after === '' ? <span class="muted">no such byte</span> : <BytesOf hex={after} other={before} tag="ins" />}
      </p>
      {detail.reasons.map((why, i) => (
        <p key={i} class="muted">
          <ImageText text={why} />
        </p>
      ))}
    </div>
  );
}

function BytesOf({hex, other, tag: Tag}: {hex: string; other: string; tag: 'ins' | 'del'}) {
  const twin = bytesOf(other);
  return (
    <>
      {Array.from(bytesOf(hex), (byte, i) => (
        <span key={i}>
          {i > 0 && ' '}
          {twin[i] === byte ? byteText(byte) : <Tag>{byteText(byte)}</Tag>}
        </span>
      ))}
    </>
  );
}

/** Who points to the structure that the field is a part of. */
function From({state, detail}: {state: HexState; detail: HexFieldReply}) {
  if (detail.from.length === 0 && !detail.moreFrom) {
    return null;
  }
  return (
    <div>
      <h4>What points to {withArticle(detail.structure)}</h4>
      <ul class="from">
        {detail.from.map(({name, offset}) => (
          <li key={offset}>
            <button type="button" class="quiet" onClick={() => jumpAway(state, offsetOf(offset) ?? 0n)}>
              <span class="mono">{name}</span> <span class="muted mono">{offset}</span>
            </button>
          </li>
        ))}
      </ul>
      {detail.moreFrom && <p class="muted">There may be others.</p>}
    </div>
  );
}

function ShowOnMap({cluster, info}: {cluster: number; info: Info}) {
  const controller = useController();
  if (cluster >= info.hostClusters) {
    return null;
  }
  const show = () => {
    controller.change({selected: inFile(cluster)});
    goTo('map');
  };
  return (
    <button type="button" onClick={show}>
      Show cluster {formatCount(cluster)} on the map
    </button>
  );
}
