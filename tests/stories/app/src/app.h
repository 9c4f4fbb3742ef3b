/* SPDX-License-Identifier: MIT */
#ifndef APP_H
#define APP_H

void remember(int job);

#endif
