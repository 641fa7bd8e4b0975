import type {Info} from '../protocol/protocol.gen';
import {Fact} from './facts';
import {SeveritySign} from './signs';
import {ImageText} from './text';

/**
 * Says which files an image names. Whoever opens the image opens these too: one from a stranger may name any file of
 * the computer it is opened on.
 */
export function OutsideFiles({info}: {info: Info}) {
  const {backingFile, backingFormat, dataFile} = info;
  if (backingFile === '' && dataFile === '') {
    return null;
  }
  return (
    <div class="card outside" role="note" aria-label="Other files that this image names">
      <SeveritySign severity="warning" />
      <div>
        <h3>This image needs another file</h3>
        <dl>
          {backingFile !== '' && (
            <Fact name="Backing file">
              <code>
                <ImageText text={backingFile} />
              </code>
              {backingFormat === '' ? ', format not stated' : ', format '}
              <ImageText text={backingFormat} />
            </Fact>
          )}
          {dataFile !== '' && (
            <Fact name="Data file">
              <code>
                <ImageText text={dataFile} />
              </code>
            </Fact>
          )}
        </dl>
        <p>
          It is checked here without it. If the image came from someone you do not trust, look at these names before you
          start it: a virtual machine opens whatever file is named here.
        </p>
      </div>
    </div>
  );
}
