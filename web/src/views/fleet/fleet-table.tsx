import {useState} from 'preact/hooks';
import {visibleText} from '../../base/text';
import {formatBytes, plural} from '../../base/units';
import {pointsOf, signOf, STANDING_FACTS, standingOf, TREND_WORDS, trendOf} from '../../model/fleet';
import type {Column, FleetImage, Listing} from '../../model/fleet';
import {useDesk, useFleet} from '../desk-context';
import {SeveritySign} from '../signs';
import {ImageText} from '../text';
import {TrendPicture} from './trend-picture';

/** Rows that are drawn at first, and how many more at a time: a table of 20,000 rows would take seconds. */
const SHOWN = 200;

const HEADS: Record<Column, string> = {verdict: 'Verdict', image: 'Image', size: 'Size', checked: 'Checked'};

export function FleetTable({images, listing}: {images: readonly FleetImage[]; listing: Listing}) {
  const [shown, setShown] = useState(SHOWN);
  return (
    <div class="fleet-table">
      <table>
        <thead>
          <tr>
            {(['verdict', 'image', 'size'] as const).map((column) => (
              <Head key={column} column={column} listing={listing} />
            ))}
            <th scope="col">Trend</th>
            <Head column="checked" listing={listing} />
            <th scope="col">
              <span class="hidden">What to do</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {images.slice(0, shown).map((image) => (
            <Row key={image.key} image={image} />
          ))}
        </tbody>
      </table>
      {shown < images.length && (
        <button type="button" onClick={() => setShown(shown + SHOWN)}>
          Show {Math.min(SHOWN, images.length - shown)} more
        </button>
      )}
    </div>
  );
}

/** A column's head: pressed, the table is in its order, and pressed again, in the reverse. */
function Head({column, listing}: {column: Column; listing: Listing}) {
  const fleet = useFleet();
  const sorted = listing.by === column;
  const order = listing.descending ? 'descending' : 'ascending';
  return (
    <th scope="col" aria-sort={sorted ? order : 'none'}>
      <button type="button" class="quiet" onClick={() => fleet.list({by: column, descending: sorted && !listing.descending})}>
        {HEADS[column]}
        <span aria-hidden="true">{sorted ? (listing.descending ? ' \u2193' : ' \u2191') : ''}</span>
      </button>
    </th>
  );
}

function Row({image}: {image: FleetImage}) {
  const desk = useDesk();
  const fleet = useFleet();
  const {result} = image;
  const standing = standingOf(image);
  const open = () => {
    const remote = fleet.remote(image);
    if (remote !== null) {
      void desk.open([{file: remote, handle: null}]);
    }
  };
  return (
    <tr>
      <td>
        <span class={standing === 'newer' ? 'fleet-verdict newer' : 'fleet-verdict'}>
          <SeveritySign severity={signOf(image)} />
          {STANDING_FACTS[standing].word}
        </span>
        {result !== undefined && <span class="muted">{found(result)}</span>}
      </td>
      <th scope="row">
        <ImageText text={image.key} />
      </th>
      <td class="number">{formatBytes(image['file-size'])}</td>
      <td>
        {result !== undefined && (
          <>
            <TrendPicture points={pointsOf(image)} /> {TREND_WORDS[trendOf(image)]}
          </>
        )}
      </td>
      <td>
        {result !== undefined && <time dateTime={result.checked}>{result.checked.slice(0, 16).replace('T', ' ')}</time>}
        {result !== undefined && !image.current && <span class="muted">changed since</span>}
      </td>
      <td class="actions">
        <button type="button" aria-label={`Open ${visibleText(image.key)}`} onClick={open}>
          Open
        </button>
        <button type="button" class="quiet" aria-label={`Check ${visibleText(image.key)}`} onClick={() => void fleet.checkOne(image.key)}>
          Check
        </button>
      </td>
    </tr>
  );
}

function found({corruptions, leaks, reason}: NonNullable<FleetImage['result']>): string {
  if (reason !== undefined) {
    return visibleText(reason);
  }
  const says = [corruptions > 0 ? plural(corruptions, 'corruption') : '', leaks > 0 ? plural(leaks, 'leaked cluster') : ''];
  return says.filter((text) => text !== '').join(', ');
}
