/* SPDX-License-Identifier: MIT */
/* The trace files of the images that this process ran before its last exec. */
#ifndef PRELOAD_REPLACED_H
#define PRELOAD_REPLACED_H

/* Remove them: an image replaced by exec leaves no snapshot.  For processes without a supervisor, which does this for the others. */
void replaced_remove(void);

#endif
