/* SPDX-License-Identifier: MIT */
/*
 * Game and players in a cycle: the game holds its players and each player holds the game.  Dropping the last outside reference to the
 * game frees nothing: the players keep the game, the game keeps the players.      Usage: players-cycle [ROUNDS [PLAYERS]]
 */
#include "players.h"

static void player_join(struct player *player, struct game *game)
{
	player->game = game;
	game->references++;
}

static void player_leave(struct player *player)
{
	game_release(player->game);
}

int main(int argc, char **argv)
{
	play_rounds(argc, argv);
	return 0;
}
