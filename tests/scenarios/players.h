/* SPDX-License-Identifier: MIT */
/*
 * Game and players, reference-counted by hand: a game holds its players and each player knows its game.  How a player holds the game is
 * what the two stories differ in: each defines player_join() and player_leave(), the rest is here.
 *
 * Usage: players-… [ROUNDS [PLAYERS]]: that many rounds of: make a game with that many players, use it, drop it.
 */
#ifndef SCENARIOS_PLAYERS_H
#define SCENARIOS_PLAYERS_H

#include <string.h>

#include "story.h"

#define INVENTORY 1000 /* bytes */

struct game {
	long references;
	long player_count;
	struct player **players;
};

struct player {
	long references;
	long score;
	struct game *game;
	char *inventory;
};

static void player_join(struct player *player, struct game *game);
static void player_leave(struct player *player);

static inline void player_release(struct player *player)
{
	if (--player->references > 0)
		return;
	player_leave(player);
	free(player->inventory);
	free(player);
}

static inline void game_release(struct game *game)
{
	if (--game->references > 0)
		return;
	for (long i = 0; i < game->player_count; i++)
		player_release(game->players[i]);
	free(game->players);
	free(game);
}

static inline struct player *player_new(struct game *game)
{
	struct player *player = malloc(sizeof(*player)); /* PLAYER */

	player->references = 1;
	player->score = 0;
	player->inventory = malloc(INVENTORY); /* INVENTORY */
	memset(player->inventory, 0, INVENTORY);
	player_join(player, game);
	return player;
}

static inline struct game *game_new(long players)
{
	struct game *game = malloc(sizeof(*game)); /* GAME */

	game->references = 1;
	game->player_count = players;
	game->players = malloc((size_t)players * sizeof(struct player *)); /* SEATS */
	for (long i = 0; i < players; i++)
		game->players[i] = player_new(game);
	return game;
}

/* One round: the game is played, then nobody needs it any more. */
static inline void play(void *players, long round)
{
	struct game *game = game_new(*(long *)players);

	for (long i = 0; i < game->player_count; i++)
		game->players[i]->score += round;
	game_release(game);
}

static inline void play_rounds(int argc, char **argv)
{
	long rounds = story_number(argc, argv, 1, 1), players = story_number(argc, argv, 2, 100);

	story_tell(rounds, 1, play, &players);
}

#endif
