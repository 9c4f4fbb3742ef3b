/* SPDX-License-Identifier: MIT */
/*
 * Game and players, fixed: each player knows its game without holding it (a weak back reference, valid as long as the game lives, and the
 * game outlives its players).  Dropping the game frees it all.      Usage: players-weak [ROUNDS [PLAYERS]]
 */
#include "players.h"

static void player_join(struct player *player, struct game *game)
{
	player->game = game;
}

static void player_leave(struct player *player)
{
	player->game = NULL;
}

int main(int argc, char **argv)
{
	play_rounds(argc, argv);
	return 0;
}
