import {formatHex} from '../base/units';
import {visibleRows} from '../model/layout';
import {layoutOf, windowOf} from '../model/mapview';
import type {MapView} from '../model/mapview';
import type {Info} from '../protocol/protocol.gen';

/** Labels need so many pixels each. */
const LABEL_HEIGHT = 22;

/** File offsets at which rows of the map begin. */
export function RowAxis({view, info}: {view: MapView; info: Info}) {
  const layout = layoutOf(view);
  const every = 2 ** Math.max(0, Math.ceil(Math.log2(LABEL_HEIGHT / layout.cellHeight)));
  const {from, to} = visibleRows(layout, windowOf(view));
  const labels = [];
  for (let row = Math.ceil(from / every) * every; row < to; row += every) {
    const top = (row - view.top) * layout.cellHeight;
    if (top >= -1 && top <= view.height - LABEL_HEIGHT / 2) {
      labels.push({row, top, text: formatHex(row * layout.columns * layout.perCell * info.clusterSize)});
    }
  }
  const width = formatHex(info.fileSize).length;
  return (
    <div class="row-axis" aria-hidden="true" style={{height: `${view.height}px`, width: `${width}ch`}}>
      {labels.map(({row, top, text}) => (
        <span key={row} style={{top: `${Math.round(top)}px`, lineHeight: `${Math.max(LABEL_HEIGHT / 2, Math.min(layout.cellHeight, LABEL_HEIGHT * 2))}px`}}>
          {text}
        </span>
      ))}
    </div>
  );
}
